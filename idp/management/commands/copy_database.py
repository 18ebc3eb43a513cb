"""`manage.py copy_database [FILE]`: from SQLite to Postgres, in one go (docs/lifecycle.md)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts import words
from accounts.management.base import HouseCommand
from idp.lifecycle import copying
from idp.lifecycle.problems import Stopped


class Command(HouseCommand):
    """One line for each table that has rows, and one for all of them."""

    help = (
        "Copy every row of a SQLite database into the empty Postgres database that DATABASE_URL names. The server must "
        "not run. The SQLite file stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Where from."""
        default = settings.VAR_DIR / "idp.sqlite3"
        parser.add_argument("file", type=Path, nargs="?", default=default, metavar="FILE", help=f"default: {default}")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Copies."""
        try:
            copied = copying.copy_into_postgres(file, self.bar)
        except Stopped as stopped:
            raise CommandError(str(stopped)) from None
        for one in copied:
            if one.rows:
                self.line(words.count(one.rows, "row"), did=one.table)
        self.line(words.count(sum(one.rows for one in copied), "row"), did="copied, and counted on both sides")
        self.remark(f"Start the server with this DATABASE_URL. {file} is as it was: keep it until all is well.")
