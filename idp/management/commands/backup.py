"""`manage.py backup FILE`: a consistent copy of the database while the server runs (R61)."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import HouseCommand
from idp.lifecycle import backing_up
from idp.lifecycle.problems import Stopped


class Command(HouseCommand):
    """One line for the file; on standard error what has to be kept beside it."""

    help = (
        "Copy the database into FILE while the server runs: of SQLite a SQLite file, of Postgres a dump of pg_dump. "
        "The file appears when it is complete, readable by its owner alone. Keys are not in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to."""
        parser.add_argument("file", type=Path, metavar="FILE", help="an older backup of this name is replaced")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Backs up."""
        try:
            made = backing_up.back_up(file, self.progress)
        except Stopped as stopped:
            raise CommandError(str(stopped)) from None
        self.line(made.file, f"{made.size / 2**20:.1f} MiB", did="backed up")
        paths = " ".join(map(str, backing_up.left_out()))
        where = f"Not in it, and to be kept in another place: {paths}." if paths else ""
        self.remark(
            f"{where or 'SECRET_KEY is not in it: keep it in another place.'} Without the key of this installation "
            "second factors, mails that wait and secrets of upstream providers in the backup cannot be opened."
        )
