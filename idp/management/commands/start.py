"""`manage.py start`, what `make run` calls: migrates, makes a first administrator, says where mail goes, serves."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    """One process for all of it, so that a second start takes seconds."""

    help = "Migrate, make a first administrator if there is none, then serve. `make run` calls it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The same as `serve`."""
        parser.add_argument("--host", default=settings.HOST, help="default: the setting HOST")
        parser.add_argument("--port", default=settings.PORT, type=int, help="default: the setting PORT")

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        """Stops with Ctrl-C."""
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            self.stdout.write(f"migrating the database ({len(waiting)} steps)")
            call_command("migrate", interactive=False, verbosity=1)
        call_command("admin_bootstrap")
        mail_folder = getattr(settings, "EMAIL_FILE_PATH", None)
        if mail_folder:
            self.stdout.write(f"Mail is not sent but written to {mail_folder} (set EMAIL_URL to send it)")
        connection.close()
        call_command("serve", host=host, port=port)
