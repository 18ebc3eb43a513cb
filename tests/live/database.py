"""A database of a server's own: a migrated SQLite file, or a Postgres database that is dropped at the end."""

import atexit
import contextlib
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Database:
    """Where the rows are; `query` asks past the server, in SQL that SQLite and Postgres both know."""

    url: str

    @property
    def is_postgres(self) -> bool:
        return self.url.startswith("postgres")

    @property
    def name(self) -> str:
        """Of a Postgres database."""
        return urlsplit(self.url).path[1:]

    @property
    def file(self) -> Path:
        """The file of a SQLite database."""
        return Path(urlsplit(self.url).path[1:])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one SELECT."""
        with contextlib.closing(self.connect()) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
            return rows

    def connect(self) -> Any:
        """A connection of the driver; the caller commits and closes."""
        if self.is_postgres:
            return psycopg.connect(self.url)
        return sqlite3.connect(self.file, timeout=30)

    def dump(self) -> bytes:
        """Every byte that is stored: the files with write-ahead log, or all rows of all tables as text."""
        if not self.is_postgres:
            return b"".join(path.read_bytes() for path in sorted(self.file.parent.glob(self.file.name + "*")))
        tables = [name for (name,) in self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return b"\n".join(
            str(row).encode() for table in tables for row in self.query(f'SELECT t::text FROM "{table}" t')
        )


@contextlib.contextmanager
def own_database(folder: Path, postgres: str = "") -> Iterator[Database]:
    """A migrated, empty database: on this Postgres, or the one of DATABASE_URL, else a file in the folder."""
    server_url = postgres or os.environ.get("DATABASE_URL", "")
    if not server_url.startswith("postgres"):
        file = folder / "idp.sqlite3"
        shutil.copy(_migrated_file(), file)
        yield Database(f"sqlite:///{file}")
        return
    with _postgres(server_url, template=_migrated_database(server_url)) as url:
        yield Database(url)


@contextlib.contextmanager
def empty_database(folder: Path, postgres: str = "") -> Iterator[Database]:
    """The same without tables; the folder holds the file that SQLite will make."""
    server_url = postgres or os.environ.get("DATABASE_URL", "")
    if not server_url.startswith("postgres"):
        yield Database(f"sqlite:///{folder / 'empty.sqlite3'}")
        return
    with _postgres(server_url) as url:
        yield Database(url)


@contextlib.contextmanager
def _postgres(server_url: str, *, template: str = "template1") -> Iterator[str]:
    """The URL of a database that is dropped at the end; a copy of the template."""
    name = f"latchkey_live_{secrets.token_hex(6)}"
    _execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # the names are our own and random
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with contextlib.suppress(psycopg.OperationalError):  # a server of the test's own may be gone
            _execute(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _execute(server_url: str, sql: str) -> None:
    with psycopg.connect(server_url, autocommit=True, connect_timeout=60) as connection:
        connection.execute(sql)  # type: ignore[call-overload]


def migrate(url: str, folder: Path, *, code: Path = ROOT) -> None:
    """Brings a database to the schema of a checkout, of this one as a rule."""
    environment = os.environ | {"DATABASE_URL": url, "VAR_DIR": str(folder)}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    done = subprocess.run(command, cwd=code, env=environment, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]


@cache
def _migrated_database(server_url: str) -> str:
    """The same on Postgres: the name of a database that nobody is connected to."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    url = stack.enter_context(_postgres(server_url))
    with tempfile.TemporaryDirectory(prefix="latchkey-live-") as folder:
        migrate(url, Path(folder))
    return urlsplit(url).path[1:]


@cache
def _migrated_file() -> Path:
    """Migrations run once per test process; every SQLite server starts from a copy."""
    folder = Path(tempfile.mkdtemp(prefix="latchkey-live-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "template.sqlite3"
    migrate(f"sqlite:///{file}", folder)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file
