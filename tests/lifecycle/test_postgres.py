"""Backups of Postgres, and the way from SQLite to Postgres: every row, or none, or one line that says why (R61)."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.commands.run import Output, manage
from tests.live import database
from tests.live.database import ROOT, Database

pytestmark = pytest.mark.thorough

TOLD = "import json; from tests.lifecycle import filling; print(json.dumps(filling.told()))"
FILLED = "from tests.lifecycle import filling; filling.fill()"
Empty = Callable[[], Database]


@pytest.fixture
def empty(postgres_url: str, tmp_path: Path) -> Iterator[Empty]:
    """Makes Postgres databases without tables."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda: stack.enter_context(database.empty_database(tmp_path, postgres_url))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with rows in every table; copied before it is used."""
    folder = tmp_path_factory.mktemp("full")
    file = folder / "idp.sqlite3"
    shutil.copy(database._migrated_file(), file)
    inside(f"sqlite:///{file}", FILLED)
    with closing(sqlite3.connect(file)) as connected:
        connected.execute("PRAGMA journal_mode=DELETE")
    return file


@pytest.fixture
def source(full: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(full, tmp_path / "source.sqlite3"))


def inside(url: str, code: str) -> Any:
    """What code prints in a process of its own, as JSON, with this database."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout) if done.stdout.strip() else None


def told(url: str) -> dict[str, Any]:
    found: dict[str, Any] = inside(url, TOLD)
    return {key: value for key, value in found.items() if not _is_noted_by_the_commands(key, value)}


def _is_noted_by_the_commands(key: str, value: Any) -> bool:
    return key.startswith("accounts.AuditEvent ") and value.get("event") == "database-copied"


def rows_in(place: Database) -> int:
    """How many there are beside what migrating writes."""
    tables = [name for (name,) in place.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    written = {"django_migrations", "django_content_type", "auth_permission", "accounts_revision"}
    return sum(place.query(f'SELECT count(*) FROM "{name}"')[0][0] for name in tables if name not in written)


def refused(place: Database | str, *arguments: object) -> str:
    url = place if isinstance(place, str) else place.url
    done: Output = manage(url, *arguments)
    assert (done.status, done.out) == (1, ""), done
    lines = [line for line in done.err.splitlines() if line]
    assert "Traceback" not in done.err
    return lines[-1]


def test_every_row_arrives_in_postgres_with_progress_and_a_count(source, empty):
    place, before = empty(), told(f"sqlite:///{source}")
    with closing(sqlite3.connect(source)) as connected:  # the newest account is gone: its number must not come again
        connected.execute("INSERT INTO accounts_registrationtoken (id, token, completed, note, created_at) "
                          "VALUES (900, 'x', 0, '', '2026-01-01')")  # fmt: skip
        connected.commit()
        connected.execute("DELETE FROM accounts_registrationtoken WHERE id = 900")
        connected.commit()
    done = manage(place.url, "copy_database", source)
    assert done.status == 0, done.err
    assert "100%  comparing both sides" in done.err
    [users] = [line for line in done.lines if line.startswith("accounts_user:")]
    assert users == f"accounts_user: {place.query('SELECT count(*) FROM accounts_user')[0][0]:,} rows"
    total = sum(place.query(f'SELECT count(*) FROM "{line.partition(":")[0]}"')[0][0] for line in done.lines[:-1]) - 1
    assert done.lines[-1] == f"copied, and counted on both sides: {total:,} rows"
    after = told(place.url)
    assert after.keys() == before.keys()
    assert [key for key in before if before[key] != after[key]] == []
    assert manage(place.url, "migrate", "--check").status == 0
    made = inside(place.url, "from accounts import registration_tokens as r; print(r.issue(actor=None).pk)")
    assert made == 901
    assert told(f"sqlite:///{source}") == before, "the file is as it was"
    assert "is not empty" in refused(place, "copy_database", source)


def test_a_backup_that_nobody_can_write_is_a_source_too(source, empty):
    backup, place = source.with_name("backup"), empty()
    assert manage(source, "backup", backup).status == 0
    backup.chmod(0o400)
    assert manage(place.url, "copy_database", backup).status == 0
    assert told(place.url) == told(f"sqlite:///{source}")


def test_a_file_that_somebody_has_open_is_not_copied(source, empty):
    place = empty()
    with closing(sqlite3.connect(source)) as server:
        server.execute("PRAGMA journal_mode=WAL")
        server.execute("SELECT count(*) FROM accounts_user").fetchone()
        assert refused(place, "copy_database", source).endswith(
            "is in use: stop the server first, and every other command on it"
        )
    assert place.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    assert manage(place.url, "copy_database", source).status == 0


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("UPDATE socialaccount_socialapp SET name = printf('%.500c', 'x')", "value too long"),
        ("UPDATE socialaccount_socialapp SET name = 'a' || char(0) || 'b'", "NUL"),
        ("PRAGMA foreign_keys=OFF; DELETE FROM accounts_user WHERE id = 1", "foreign key"),
    ],
    ids=["too long", "NUL", "an orphan"],
)
def test_a_row_that_postgres_refuses_stops_all_of_it_in_a_line(source, empty, harm, words):
    place = empty()
    with closing(sqlite3.connect(source)) as connected:
        connected.executescript(harm)
        connected.commit()
    assert words in refused(place, "copy_database", source)
    assert rows_in(place) == 0


def test_what_failed_can_be_done_again_in_the_same_place(full, source, empty):
    place = empty()
    with closing(sqlite3.connect(source)) as connected:
        connected.execute("UPDATE socialaccount_socialapp SET name = printf('%.500c', 'x')")
        connected.commit()
    refused(place, "copy_database", source)
    assert manage(place.url, "copy_database", full).status == 0
    assert told(place.url) == told(f"sqlite:///{full}")


def test_what_is_no_source_or_no_place_is_refused(source, empty, tmp_path):
    place = empty()
    text, old, new = tmp_path / "text", tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"
    text.write_text("dear diary")
    assert "is no SQLite file" in refused(place, "copy_database", text)
    assert "No such file" in refused(place, "copy_database", tmp_path / "none")
    assert "set DATABASE_URL to an empty Postgres database" in refused(f"sqlite:///{source}", "copy_database", source)
    for file, change in (
        (old, "DELETE FROM django_migrations WHERE app = 'accounts' AND name LIKE '0007%'"),
        (new, "INSERT INTO django_migrations (app, name, applied) VALUES ('accounts', '9999_later', '2030-01-01')"),
    ):
        shutil.copy(source, file)
        with closing(sqlite3.connect(file)) as connected:
            connected.execute(change)
            connected.commit()
    assert "is of an older version: run `DATABASE_URL=sqlite:///" in refused(place, "copy_database", old)
    assert "is of a newer Latchkey" in refused(place, "copy_database", new)
    assert place.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.fixture
def dumped(source: Path, empty: Empty, tmp_path: Path) -> tuple[Database, Path]:
    """A full Postgres database and its backup."""
    place = empty()
    assert manage(place.url, "copy_database", source).status == 0
    done = manage(place.url, "backup", tmp_path / "backup")
    assert done.status == 0, done.err
    assert "of " in done.err
    assert "public." in done.err
    return place, tmp_path / "backup"


def test_a_dump_comes_back_with_every_row_or_is_refused_in_a_line(dumped, empty, tmp_path):
    place, backup = dumped
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("*.part*")] == []
    target, before = empty(), told(place.url)
    whole = backup.read_bytes()
    for share in (0.001, 0.3, 0.9, 0.999):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[: int(len(whole) * share)])
        assert "damaged or not whole" in refused(target, "restore", cut)
        assert target.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    done = manage(target.url, "restore", backup)
    assert (done.status, len(done.lines)) == (0, 1), done
    assert told(target.url) == before
    assert "is not empty" in refused(target, "restore", backup)
    made = inside(target.url, "from accounts import registration_tokens as r; print(r.issue(actor=None).pk)")
    assert made > max(pk for (pk,) in place.query("SELECT id FROM accounts_registrationtoken"))


def test_a_migrated_but_unused_place_takes_a_dump_and_one_of_a_newer_version_is_refused(dumped, empty, tmp_path):
    place, backup = dumped
    target = empty()
    assert manage(target.url, "migrate", "--verbosity", "0").status == 0
    with psycopg.connect(place.url) as connected:
        connected.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('accounts', '9999_later', now())")
    newer = tmp_path / "newer"
    assert manage(place.url, "backup", newer).status == 0
    assert "is of a newer Latchkey than this (accounts.9999_later)" in refused(target, "restore", newer)
    assert "copy_database brings it there" in refused(target, "restore", tmp_path / "source.sqlite3")
    assert manage(target.url, "restore", backup).status == 0
    assert told(target.url) == told(place.url)
