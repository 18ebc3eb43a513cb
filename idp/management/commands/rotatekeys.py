"""`manage.py rotatekeys`: new keys for everything that is signed or sealed; nobody is logged out (R31)."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import HouseCommand, shown
from accounts.sealed_rows import Tally
from idp.environment import UnknownValue
from idp.lifecycle import rotating


class Command(HouseCommand):
    """One line for each thing that was renewed."""

    help = (
        "New keys: SECRET_KEY where it is kept in VAR_DIR, with it those of all tokens and codes, and the key of ID "
        "tokens. What is sealed is sealed anew. The keys before go on verifying until all they signed has expired. "
        "Running processes take the new ones up within a second; nobody is logged out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The one choice there is."""
        parser.add_argument(
            "--forget-old",
            action="store_true",
            help="the keys before verify nothing any more: after a leak. Browsers and some programs sign in again",
        )

    def handle(self, *args: Any, forget_old: bool, **options: Any) -> None:
        """Rotates; takes some seconds, and longer where much is sealed."""
        try:
            done = rotating.rotate(self.progress, forget_old=forget_old)
        except rotating.Busy:
            raise CommandError("another rotatekeys is at work") from None
        except UnknownValue as unknown:
            raise CommandError(str(unknown)) from None
        if done.secret_key:
            end = f"the one before verifies until {shown(done.until)}" if done.until else "those before are forgotten"
            self.line(end, did="secret key replaced")
        if done.signing_key:
            self.line(done.signing_key, did="signing key made")
        for tally in done.tallies:
            self._tell(tally)
        if not done.secret_key:
            self.remark("SECRET_KEY is given in the environment, so it is yours to replace: docs/lifecycle.md says how")

    def _tell(self, tally: Tally) -> None:
        self.line(f"{tally.resealed} of {tally.seen} sealed anew", did=tally.kind)
        if tally.unreadable:
            self.remark(f"{tally.kind}: {tally.unreadable} cannot be opened by any key: they were sealed under another")
