"""Installations of the measurements: a filled SQLite file, a Postgres database, commands with their time."""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.live import database
from tests.live.database import ROOT
from tests.live.postgres_server import PostgresServer


@contextlib.contextmanager
def postgres(given: str) -> Iterator[str]:
    """The URL of a Postgres server."""
    if given:
        yield given
        return
    server = PostgresServer()
    try:
        yield server.start(fsync="on").url()
    finally:
        server.remove()


def migrated(file: Path) -> Path:
    """A SQLite file with tables and nothing in them."""
    return Path(shutil.copy(database._migrated_file(), file))


def command(environment: Mapping[str, str], *arguments: object) -> tuple[float, str]:
    """Runs a command of the house; seconds, and what it printed. Its progress goes by on standard error."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return time.perf_counter() - begun, done.stdout
