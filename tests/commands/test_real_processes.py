"""What only a real process shows: exit status, one line on standard error, no traceback, no half-made change."""

import csv
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.run import ROOT, manage

pytestmark = pytest.mark.thorough

ANN = "05" + "aa" * 31 + "01"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("commands") / "template.sqlite3"
    assert manage(file, "migrate", "-v0").status == 0
    with sqlite3.connect(file) as connection:  # everything into the one file that is copied
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "idp.sqlite3"))


def test_success_is_zero_and_a_rule_made_in_one_process_is_there_in_the_next(database: Path) -> None:
    added = manage(database, "rules", "add", "deny", "pubkey", ANN, "--flow", "session", "--note", "é")
    assert (added.status, added.err) == (0, "")
    assert manage(database, "rules", "list").lines == [f"deny  pubkey  {ANN}  session  (é)"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rules",), "required: VERB"),
        (("rules", "frobnicate"), "invalid choice: 'frobnicate'"),
        (("rules", "add", "deny", "pubkey"), "required: PATTERN"),
        (("rules", "add", "deny", "username", "-rf"), "required: PATTERN"),
        (("rules", "list", "--jso"), "unrecognized arguments: --jso"),
        (("rules", "add", "deny", "ip", "10.0.0.1", "--until", "2001-01-01"), "in the past"),
        (("rules", "remove", "deny", "ip", "10.0.0.1"), "no rule deny ip 10.0.0.1 for all"),
        (("rules", "import", "/nowhere.csv"), "/nowhere.csv: No such file or directory"),
        (("rules", "import", sys.executable), "is not UTF-8 text"),
        (("users", "lock", "nobody"), "no account named nobody"),
        (("users", "show", "two\nlines"), "no account named two lines"),
        (("tokens", "revoke"), "one of the arguments --user --device --all is required"),
        (("moderators", "add", "0500"), "05 and 64 hex digits"),
    ],
)
def test_every_failure_is_one_line_and_status_one(database: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in manage(database, *arguments).reason


def test_a_weak_password_is_refused_in_words_and_is_not_repeated(database: Path) -> None:
    refused = manage(database, "users", "create", "ann", "--password-stdin", stdin=b"hunter2\n")
    assert refused.reason == "this password cannot be used: at least 8 characters are needed"
    assert "hunter2" not in refused.err
    assert manage(database, "users", "list").out == ""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////proc/nowhere.sqlite3", "unable to open database file"),
        ("postgres://idp:hushhush@127.0.0.1:1/idp", "the database cannot be used"),
    ],
)
def test_a_database_that_does_not_answer_is_one_line_without_its_password(url: str, words: str) -> None:
    refused = manage(url, "users", "list")
    assert words in refused.reason
    assert "hushhush" not in refused.err


def test_a_database_without_tables_is_one_line(tmp_path: Path) -> None:
    assert "no such table" in manage(tmp_path / "empty.sqlite3", "rules", "list").reason


def test_text_that_is_no_utf8_is_one_line(database: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "rules", "add", "deny", "ip", "10.0.0.1", "--note", b"caf\xe9"],
        cwd=ROOT,
        env={"DATABASE_URL": f"sqlite:///{database}", "PATH": "", "PYTHONUTF8": "1", "VAR_DIR": str(database.parent)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr.decode()) == (1, "what was given is not UTF-8 text\n")


def test_a_reader_that_has_seen_enough_gets_no_complaint(database: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" manage.py rules list --json | true', sys.executable],
        cwd=ROOT,
        env={"DATABASE_URL": f"sqlite:///{database}", "PATH": "/usr/bin:/bin", "VAR_DIR": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""


def test_ten_thousand_lines_are_imported_quickly_with_progress(database: Path, tmp_path: Path) -> None:
    with (tmp_path / "many.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["effect", "field", "pattern", "flow"])
        for number in range(2500):
            writer.writerow(["deny", "domain", f"d{number}.example", "otp"])
            writer.writerow(["deny", "pubkey", f"05{number:060x}0101", "session"])
            writer.writerow(["deny", "username", f"user{number}", ""])
            writer.writerow(["allow", "ip", f"10.{number // 250}.{number % 250}.0/24", ""])
    begun = time.monotonic()
    done = manage(database, "rules", "import", tmp_path / "many.csv")
    assert done.lines == ["10000 rules imported"]
    assert "of 10000 rules" in done.err
    assert time.monotonic() - begun < 30


# Ctrl-C at the first sign of progress. From outside it could come after the end: the machine may be busy.
INTERRUPTED = """
import os, runpy, signal
os.environ["DJANGO_SETTINGS_MODULE"] = "idp.settings"
import django
django.setup()
from accounts.management.base import HouseCommand
said = HouseCommand.progress
def say_and_be_interrupted(self, text):
    said(self, text)
    os.kill(os.getpid(), signal.SIGINT)
HouseCommand.progress = say_and_be_interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started this may ignore it
runpy.run_path("manage.py", run_name="__main__")
"""


def test_an_interrupted_import_leaves_nothing(database: Path, tmp_path: Path) -> None:
    (tmp_path / "many.csv").write_text("".join(f"deny,domain,d{number}.example\n" for number in range(20_000)))
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "rules", "import", str(tmp_path / "many.csv")],
        cwd=ROOT,
        env={"DATABASE_URL": f"sqlite:///{database}", "PATH": "", "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "of 20000 rules" in done.stderr
    assert done.stderr.splitlines()[-1] == "interrupted"
    assert manage(database, "rules", "list").out == ""


def test_the_one_time_password_is_printed_once(database: Path) -> None:
    assert "one-time password: " in manage(database, "admin_bootstrap").out
    again = manage(database, "admin_bootstrap")
    assert (again.status, again.out, again.err) == (0, "", "")
