"""`backup` and `restore` on SQLite: consistent beside writers, all of it or nothing, refusals in a line (R61)."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection

from accounts import mail, users
from accounts.models import AuditEvent, QueuedMail, User
from idp import files, secret_key
from idp.lifecycle import postgres_tools, schema, sqlite_files
from idp.lifecycle.problems import Stopped
from tests.commands.run import run
from tests.lifecycle.conftest import rows_of
from tests.live import database


def refused(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture
def backup(house: Path, tmp_path: Path) -> Path:
    """A backup of an installation with two accounts."""
    users.create("ann", email="ann@example.org", password="three green bottles")
    users.create("bob")
    run("backup", tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def elsewhere(backup: Path, turn_to: Callable[[Path], None]) -> Path:
    """An empty place for it."""
    file = backup.with_name("elsewhere.sqlite3")
    turn_to(file)
    return file


def test_a_backup_is_one_file_for_its_owner_with_every_row(house, tmp_path):
    users.create("ann")
    said = run("backup", tmp_path / "b")
    assert said.lines == [f"backed up: {tmp_path / 'b'}  {(tmp_path / 'b').stat().st_size / 2**20:.1f} MiB"]
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "keys"]
    assert rows_of(tmp_path / "b") == rows_of(house)
    with closing(sqlite3.connect(tmp_path / "b")) as copied:
        assert copied.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_it_says_what_is_not_in_it_and_holds_no_key(house, keys, tmp_path):
    secret_key.write_fallbacks(keys / secret_key.FALLBACKS_NAME, [secret_key.OldKey("o" * 40)])
    said = run("backup", tmp_path / "b")
    for name in (secret_key.NAME, secret_key.FALLBACKS_NAME):
        assert str(keys / name) in said.err
    content = (tmp_path / "b").read_bytes()
    assert (keys / secret_key.NAME).read_bytes().strip() not in content
    assert b"o" * 40 not in content


def test_it_is_of_one_moment_although_others_write_all_the_time(house, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_files, "_PAGES", 4)  # many steps, and a write between any two of them
    over, written = threading.Event(), []

    def write() -> None:
        with closing(sqlite3.connect(house, timeout=30, isolation_level=None)) as other:
            while not over.is_set():
                other.execute("BEGIN IMMEDIATE")  # the two belong together
                other.execute("UPDATE accounts_revision SET number = number + 1")
                other.execute(
                    "INSERT INTO accounts_registrationtoken (token, completed, note, created_at) "
                    "VALUES ('t' || (SELECT number FROM accounts_revision), 0, '', '2026-01-01')"
                )
                other.execute("COMMIT")
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            before = len(written)
            run("backup", tmp_path / f"b{number}")
            assert len(written) > before, "nobody wrote meanwhile"
    finally:
        over.set()
        writer.join()
    for number in range(3):
        rows = rows_of(tmp_path / f"b{number}")
        [(_, count)] = rows["accounts_revision"]
        assert len(rows["accounts_registrationtoken"]) == count


def test_what_is_not_committed_is_not_in_it(house, tmp_path):
    with closing(sqlite3.connect(house, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE accounts_revision SET number = 77")
        run("backup", tmp_path / "b")
        other.execute("ROLLBACK")
    assert rows_of(tmp_path / "b")["accounts_revision"] == [("rules", 0)]


def test_an_older_backup_is_replaced_by_the_new_one(house, backup):
    users.create("carl")
    run("backup", backup)
    assert len(rows_of(backup)["accounts_user"]) == 3


@pytest.mark.parametrize("what", ["a text", "another database", "a folder", "the database", "no such folder"])
def test_nothing_else_is_overwritten(house, tmp_path, what):
    file = tmp_path / "there"
    if what == "a text":
        file.write_text("dear diary")
    elif what == "another database":
        with closing(sqlite3.connect(file)) as other:
            other.execute("CREATE TABLE notes (text)")
    elif what == "a folder":
        file.mkdir()
    elif what == "the database":
        file = tmp_path / "keys" / ".." / "keys" / "idp.sqlite3"
    else:
        file = tmp_path / "none" / "there"
    before = file.read_bytes() if file.is_file() else None
    said = refused("backup", file)
    words = {"the database": "is the database itself", "no such folder": "is no folder"}
    assert words.get(what, "is there already and is no backup") in said
    assert before is None or what == "the database" or file.read_bytes() == before


def test_a_copy_that_fails_leaves_the_backup_before_and_nothing_else(house, backup, monkeypatch):
    before = backup.read_bytes()
    monkeypatch.setattr(sqlite_files, "check", lambda *_: (_ for _ in ()).throw(Stopped("damaged")))
    assert refused("backup", backup) == "damaged"
    assert backup.read_bytes() == before
    assert sorted(path.name for path in backup.parent.iterdir()) == ["backup", "keys"]


def test_a_draft_is_for_its_owner_from_the_start_and_gone_when_it_fails(tmp_path):
    (tmp_path / "file").write_text("before")
    with suppress(RuntimeError), files.draft_of(tmp_path / "file") as draft:
        assert draft.stat().st_mode & 0o777 == 0o600
        draft.write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "before"
    with files.draft_of(tmp_path / "file") as draft:
        draft.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "whole"


def test_nothing_is_backed_up_where_nothing_is(turn_to, keys, tmp_path):
    turn_to(tmp_path / "new.sqlite3")
    assert "nothing to back up" in refused("backup", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_everything_comes_back_into_an_empty_place(house, backup, elsewhere):
    said = run("restore", backup)
    assert said.lines == [f"restored: {backup}  2 accounts"]
    assert "as it was then" in said.err
    connection.close()
    assert sorted(path.name for path in elsewhere.parent.iterdir()) == ["backup", "elsewhere.sqlite3", "keys"]
    assert elsewhere.stat().st_mode & 0o777 == 0o600
    there, here = rows_of(backup), rows_of(elsewhere)
    assert {table: rows for table, rows in there.items() if table != "sqlite_sequence"} == {
        table: rows for table, rows in here.items() if table != "sqlite_sequence"
    }
    assert dict(there["sqlite_sequence"]) == dict(here["sqlite_sequence"])
    assert users.find("ann") is not None


def test_a_place_that_was_only_migrated_is_empty(house, backup, turn_to):
    fresh = backup.with_name("fresh.sqlite3")
    shutil.copy(database._migrated_file(), fresh)
    turn_to(fresh)
    assert schema.first_with_rows() == ""
    run("restore", backup)
    assert User.objects.count() == 2


@pytest.mark.parametrize("left", ["an account", "an audit event", "a foreign table"])
def test_a_place_with_anything_in_it_is_left_alone(backup, elsewhere, left):
    shutil.copy(database._migrated_file(), elsewhere)
    if left == "an account":
        User.objects.create(username="eve", folded_username="eve")
    elif left == "an audit event":
        AuditEvent.objects.create(event="login")
    else:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE notes (text)")
            cursor.execute("INSERT INTO notes VALUES ('mine')")
    connection.close()
    before = rows_of(elsewhere)
    assert "is not empty" in refused("restore", backup)
    assert rows_of(elsewhere) == before


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_a_truncated_backup_is_refused_in_a_line(backup, elsewhere, share):
    whole = backup.read_bytes()
    backup.write_bytes(whole[: int(len(whole) * share)])
    said = refused("restore", backup)
    assert "is no backup" in said or "damaged or not whole" in said or "cannot be read" in said
    assert not elsewhere.exists() or rows_of(elsewhere) == {}


def test_a_damaged_backup_is_refused(backup, elsewhere):
    whole = bytearray(backup.read_bytes())
    for page in range(2, len(whole) // 4096, 3):
        whole[page * 4096 : page * 4096 + 64] = os.urandom(64)
    backup.write_bytes(whole)
    assert "damaged or not whole" in refused("restore", backup)
    assert not elsewhere.exists() or rows_of(elsewhere) == {}


@pytest.mark.parametrize("what", ["a text", "another database", "a folder", "nothing", "a dump of Postgres"])
def test_what_is_no_backup_is_refused(elsewhere, tmp_path, what):
    file = tmp_path / "given"
    if what == "a text":
        file.write_text("dear diary " * 1000)
    elif what == "another database":
        with closing(sqlite3.connect(file)) as other:
            other.execute("CREATE TABLE notes (text)")
    elif what == "a folder":
        file.mkdir()
    elif what == "a dump of Postgres":
        file.write_bytes(b"PGDMP\x01\x0e\x00 and so on")
    words = {
        "another database": "is no database of Latchkey",
        "a folder": "Is a directory",
        "nothing": "No such file",
        "a dump of Postgres": "is a backup of Postgres, the database here is SQLite: set DATABASE_URL",
    }
    assert words.get(what, "is no backup") in refused("restore", file)
    assert not elsewhere.exists() or rows_of(elsewhere) == {}


def test_a_backup_of_a_newer_version_is_refused(backup, elsewhere):
    with closing(sqlite3.connect(backup)) as newer:
        newer.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('accounts', '9999_later', '2030-01-01')"
        )
        newer.commit()
    said = refused("restore", backup)
    assert "is of a newer Latchkey than this (accounts.9999_later): install that one first" in said
    assert not elsewhere.exists() or rows_of(elsewhere) == {}


def test_a_backup_of_an_older_version_is_brought_to_this_one(turn_to, keys, tmp_path):
    turn_to(tmp_path / "old.sqlite3")
    run("migrate", "accounts", "0007_homeserver", "--verbosity", "0")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO accounts_accessmode (flow, whitelist) VALUES ('otp', 1)")
    run("backup", tmp_path / "b")
    turn_to(tmp_path / "new.sqlite3")
    said = run("restore", tmp_path / "b")
    assert "migrations run" in said.lines[0]
    assert schema.age_of(schema.applied()) == schema.Age((), ())
    connection.close()
    assert rows_of(tmp_path / "new.sqlite3")["accounts_accessmode"] == [("otp", 1)]


def test_a_migration_that_fails_leaves_the_place_empty(backup, elsewhere, monkeypatch):
    from idp.lifecycle import restoring

    def fails(*_: object, **__: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE half_done (x)")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restoring, "call_command", fails)
    assert "No space left" in refused("restore", backup)
    connection.close()
    assert not elsewhere.exists() or rows_of(elsewhere) == {}
    assert [path.name for path in elsewhere.parent.glob("*.part*")] == []


def test_a_place_that_somebody_has_open_is_left_alone(backup, elsewhere):
    connection.ensure_connection()  # the file is there, with a log, as a server leaves it
    with closing(sqlite3.connect(elsewhere)) as server:
        server.execute("SELECT count(*) FROM sqlite_master").fetchone()
        assert "is in use: stop the server first" in refused("restore", backup)
    run("restore", backup)
    assert User.objects.count() == 2


def test_without_the_keys_of_the_backup_it_is_told_what_cannot_be_opened(house, tmp_path, turn_to, settings):
    mail.send("page-reset", to="ann@example.org", facts={"link": "https://x.example/"})
    run("backup", tmp_path / "b")
    turn_to(tmp_path / "elsewhere.sqlite3")
    settings.SECRET_KEY = "another key of more than thirty two characters"
    said = run("restore", tmp_path / "b")
    assert "1 sealed texts cannot be opened by the keys here" in said.err
    assert QueuedMail.objects.count() == 1


def test_without_pg_dump_the_cure_is_told(house, monkeypatch):
    monkeypatch.setattr(postgres_tools, "_candidates", lambda name: [])
    with pytest.raises(Stopped, match=r"pg_dump is not installed here: install it \(Debian: apt install postgresql-c"):
        postgres_tools.dump(Path("nowhere"), lambda _: None)


def test_a_password_goes_to_the_tools_by_the_environment_alone(monkeypatch):
    given = {"dbname": "idp", "user": "idp", "password": "hush it's", "host": "db", "port": 5433, "sslmode": "require"}
    monkeypatch.setattr(postgres_tools, "connection", _Postgres(given | {"server_side_binding": True, "context": None}))
    assert postgres_tools._where() == "dbname=idp user=idp host=db port=5433 sslmode=require"
    assert postgres_tools._environment()["PGPASSWORD"] == "hush it's"


class _Postgres:
    """As much of a connection as is asked."""

    vendor = "postgresql"

    def __init__(self, given: dict[str, object]) -> None:
        self._given, self.settings_dict = given, {"PASSWORD": given["password"]}

    def get_connection_params(self) -> dict[str, object]:
        return self._given
