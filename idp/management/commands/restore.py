"""`manage.py restore FILE`: a backup brought back into an empty database (R61)."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import words
from accounts.management.base import HouseCommand
from idp.lifecycle import restoring
from idp.lifecycle.problems import Stopped


class Command(HouseCommand):
    """One line for what came back; on standard error what an operator has to know of it."""

    help = "Bring a backup back into the empty database of this installation, and migrate it to this version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where from."""
        parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` made")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Restores; the server must not run."""
        try:
            done = restoring.restore(file, self.progress)
        except Stopped as stopped:
            raise CommandError(str(stopped)) from None
        steps = f"{words.count(done.migrated, 'migration')} run" if done.migrated else ""
        self.line(file, words.count(done.accounts, "account"), steps, did="restored")
        self.remark("What was revoked, blocked or changed after the backup was made is as it was then.")
        if done.unreadable:
            self.remark(
                f"{done.unreadable} sealed texts cannot be opened by the keys here: put secret_key and "
                "secret_key_fallbacks of the installation that was backed up into VAR_DIR, or set SECRET_KEY"
            )
