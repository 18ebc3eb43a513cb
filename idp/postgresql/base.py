"""What Django loads for `ENGINE`: its own Postgres backend, with another pool."""

from functools import partial
from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base

from idp.postgresql.connection import WatchedConnection
from idp.postgresql.pool import Pool


class DatabaseWrapper(base.DatabaseWrapper):
    """`OPTIONS["pool"]` holds `max_size` and `timeout` in seconds."""

    _connection_pools: dict[str, Any]  # Django's, and its `_configure_connection`, which the types do not know
    _configure_connection: Any

    @property
    def pool(self) -> Any:
        """The pool of this process; None for the connection that makes test databases."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        pools: dict[str, Pool] = self._connection_pools  # type: ignore[attr-defined]  # of Django's own pool
        if self.alias not in pools:
            made = Pool(partial(self._connected), most=options["max_size"], timeout=options["timeout"])
            pools.setdefault(self.alias, made)
        return pools[self.alias]

    def _connected(self) -> WatchedConnection:
        parameters = self.get_connection_params() | {"autocommit": True}  # Django sets it for itself later on
        connection = WatchedConnection.connect(**parameters)
        self._configure_connection(connection)  # type: ignore[attr-defined]
        return connection
