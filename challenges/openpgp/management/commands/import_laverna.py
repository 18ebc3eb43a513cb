"""`manage.py import_laverna`: users of an original Laverna signaling server (operations.md §3)."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import HouseCommand
from challenges.openpgp.laverna import importing, invites, reading

_BAR = 30


class Command(HouseCommand):
    """Takes over names, keys and pending invitations; may be repeated."""

    help = "Take over users of a Laverna signaling server from a mongoexport of its collection. May be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        """The source, and whether to write."""
        parser.add_argument("file", metavar="FILE", help="mongoexport --collection=users, JSON lines or --jsonArray")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")

    def handle(self, *args: Any, file: str, dry_run: bool, **options: Any) -> None:
        """Imports and reports."""
        if dry_run:
            self.remark("dry run: nothing is written")
        try:
            report = importing.run(Path(file), is_dry=dry_run, progress=self._show, complain=self._complain)
        except reading.Unreadable as error:
            raise CommandError(str(error)) from error
        if report.seen and report.refused == report.seen:
            raise CommandError(f"none of the {report.seen} documents is a user that can be taken over")
        self._tell(report, dry_run=dry_run)

    def _tell(self, report: importing.Report, *, dry_run: bool) -> None:
        self.line(f"{report.made} accounts made")
        for count, what in (
            (report.known, "accounts taken over before"),
            (report.expired, "accounts made whose keys have expired: their owners can send a newer copy"),
            (report.refused, "users left out"),
            (report.invites[invites.MADE], "pending invitations" + (" to be checked" if dry_run else " taken over")),
            (report.invites[invites.BAD], "pending invitations left out, not signed by who sent them"),
        ):
            if count:
                self.line(f"{count} {what}")

    def _complain(self, found: reading.Found, reason: str) -> None:
        self.line(f"left out, document {found.place}: {found.username[:64] or '(no name)'}: {reason}")

    def _show(self, done: float, users: int) -> None:
        filled = round(_BAR * done)
        self.progress(f"[{'#' * filled}{'.' * (_BAR - filled)}] {users} users")
