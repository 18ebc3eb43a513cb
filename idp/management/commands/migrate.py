"""`manage.py migrate`: Django's own, without the bound on a statement's time that protects the server (R60).

A step over a large table may take minutes. The bound on waiting for a lock stays: a migration that cannot have a table
within seconds gives up, instead of letting every request wait behind it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import connections

_BOUND = re.compile(r"-c statement_timeout=\d+ *")


class Command(DjangoCommand):
    """The same arguments, the same output."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrates over a connection of its own."""
        with _unhurried(options["database"]):
            super().handle(*args, **options)


@contextmanager
def _unhurried(alias: str) -> Iterator[None]:
    """Settings of the connection without pool and without that bound; as they were afterwards."""
    connection = connections[alias]
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    before = connection.settings_dict["OPTIONS"]
    own = {name: value for name, value in before.items() if name != "pool"}
    connection.close()
    connection.settings_dict["OPTIONS"] = own | {"options": _BOUND.sub("", str(before.get("options", "")))}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = before
