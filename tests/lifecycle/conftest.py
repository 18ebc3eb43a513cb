"""Installations of a test's own: keys in a VAR_DIR, a SQLite file under Django's connection, a Postgres server."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from idp import secret_key
from idp.lifecycle import rotating
from tests.live import database
from tests.live.postgres_server import PostgresServer

KEY = "k" * 8 + "1234567890abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def keys(settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder with the key in force; nobody waits for other processes, because there are none."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    secret_key.write_key(folder / secret_key.NAME, KEY)
    settings.VAR_DIR, settings.SECRET_KEY_IS_OWN, settings.SECRET_KEYS_GIVEN = folder, True, []
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = KEY, []
    monkeypatch.setattr(rotating, "TAKEN_UP", 0.0)
    return folder


@pytest.fixture
def turn_to(django_db_blocker) -> Iterator[Callable[[Path], None]]:
    """Turns Django's connection to a SQLite file, outside any transaction of the test; back at the end."""
    if connection.vendor != "sqlite":
        pytest.skip("the tests run on Postgres: what SQLite's files do is tried where they run on SQLite")
    name = connection.settings_dict["NAME"]

    def turn(file: Path | str) -> None:
        connection.close()
        connection.settings_dict["NAME"] = str(file)

    with django_db_blocker.unblock():
        yield turn
        turn(name)


@pytest.fixture
def house(turn_to: Callable[[Path], None], keys: Path) -> Path:
    """An installation on SQLite, migrated and empty: Django's connection is turned to its file."""
    file = keys / "idp.sqlite3"
    shutil.copy(database._migrated_file(), file)
    turn_to(file)
    return file


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres server: the one of DATABASE_URL, or one that is started for these tests."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    server = PostgresServer()
    try:
        yield server.start().url()
    finally:
        server.remove()


def rows_of(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a SQLite file."""
    with closing(sqlite3.connect(file)) as connected:
        tables = connected.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: sorted(connected.execute(f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables}
