"""What Django loads for `ENGINE`."""

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite undoes a whole transaction by itself when the disk is full or fails in the middle of it.

    Python's `commit` then does nothing and says nothing. Whoever caught the failed statement (the audit log, whose loss
    fails no login) would go on, commit, and acknowledge what is not there.
    """

    def _commit(self) -> None:
        if not self.autocommit and self.connection is not None and not self.connection.in_transaction:
            raise OperationalError("the transaction was undone by SQLite")
        super()._commit()  # type: ignore[misc]  # Django's, private since Django 1.6
