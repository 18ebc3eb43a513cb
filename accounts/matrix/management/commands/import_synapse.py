"""`manage.py import_synapse`: accounts of a Synapse homeserver (operations.md §3, docs/import-synapse.md)."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.management.base import HouseCommand
from accounts.matrix.synapse import importing
from accounts.matrix.synapse.databases import Unreadable, opened
from accounts.matrix.synapse.report import Report, What

_BAR = 30


class Command(HouseCommand):
    """Takes over accounts, password hashes, devices and e-mail addresses; may be repeated."""

    help = "Take over accounts, passwords, devices and e-mail addresses of a Synapse. May be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        """The source, and whether to write."""
        parser.add_argument("source", metavar="FILE|URL", help="homeserver.db, or postgres://user@host/database")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")

    def handle(self, *args: Any, source: str, dry_run: bool, **options: Any) -> None:
        """Imports and reports."""
        if dry_run:
            self.remark("dry run: nothing is written")
        try:
            with opened(source) as database:
                report = importing.run(database, is_dry=dry_run, progress=self._show)
        except Unreadable as error:
            raise CommandError(str(error)) from error
        self._refuse_other_server(report)
        for line in report.lines(settings.MATRIX_SERVER_NAME):
            self.line(line)
        if report.counts[What.MADE] and not settings.SYNAPSE_PEPPER:
            self.remark("SYNAPSE_PEPPER is not set: set it if that Synapse has a password_config.pepper")

    def _show(self, done: int, total: int) -> None:
        filled = _BAR * done // max(total, 1)
        self.progress(f"[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {total} users")

    def _refuse_other_server(self, report: Report) -> None:
        """An import that finds nobody of this server was given another server's database, or a wrong name."""
        ours = settings.MATRIX_SERVER_NAME
        if report.counts[What.FOREIGN] and report.counts[What.FOREIGN] == report.seen:
            found = ", ".join(report.about(What.FOREIGN))
            raise CommandError(f"nobody there is of {ours} (MATRIX_SERVER_NAME): {found}")
