"""A backup under load, restored into an empty place, and the way to Postgres: every account of the moment logs in."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.oauth.conftest import SETTINGS
from tests.live import Database, Installation, Server, database, running
from tests.upgrade import residents
from tests.upgrade.crowd import Crowd, wait_until

pytestmark = pytest.mark.thorough

ENOUGH = 25  # accounts of each door before the backup begins


@pytest.fixture
def installation() -> Iterator[Installation]:
    with running(**SETTINGS) as found:
        residents.make_named(found, "ann", "bob")
        yield found


@contextlib.contextmanager
def serving(installation: Installation, place: Database) -> Iterator[Server]:
    """A server of the same installation on another database."""
    server = Server(installation.environment | {"DATABASE_URL": place.url}, installation.folder / "there.log")
    try:
        yield server.start()
    finally:
        server.kill()


def command(installation: Installation, place: Database, *arguments: object) -> str:
    """What a command of the same installation prints, or complains of, with this database."""
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=database.ROOT, env=installation.environment | {"DATABASE_URL": place.url},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    return done.stdout if done.returncode == 0 else f"refused: {done.stderr}"


def everybody_comes(
    server: Server, people: list[residents.Resident], crowd: list[tuple[str, Callable[[int], bool]]]
) -> None:
    stay_away = [door for door, comes_again in crowd if not comes_again(server.port)]
    assert stay_away == []
    found = {person.door: (person.still_in(server), person.log_in(server)) for person in people}
    assert found == dict.fromkeys(("session", "matrix", "openpgp", "otp", "devicelogin"), (True, True))


def test_every_account_of_the_moment_logs_in_where_a_backup_under_load_was_restored(
    installation: Installation, tmp_path: Path
) -> None:
    server = installation.server
    people = residents.one_of_each(installation, server, "ann", "bob")
    backup = tmp_path / "backup"
    with Crowd(server.port) as crowd:
        wait_until(lambda: all(crowd.count(door) >= ENOUGH for door in ("session", "matrix", "openpgp")))
        of_the_moment = list(crowd.let_in)
        assert command(installation, installation.database, "backup", backup).startswith("backed up: ")
        after = len(crowd.let_in)
        wait_until(lambda: len(crowd.let_in) > after + 5)
    assert crowd.wrong == []
    assert after > len(of_the_moment), "nobody came while the backup was made"
    with database.empty_database(tmp_path) as place:
        assert command(installation, place, "restore", backup).startswith("restored: ")
        [(accounts,)] = place.query("SELECT count(*) FROM accounts_user")
        assert accounts < installation.database.query("SELECT count(*) FROM accounts_user")[0][0]
        with serving(installation, place) as there:
            everybody_comes(there, people, of_the_moment)


def test_every_account_logs_in_after_the_way_from_sqlite_to_postgres(
    installation: Installation, postgres_url: str, tmp_path: Path
) -> None:
    if installation.database.is_postgres:
        pytest.skip("the way begins at SQLite: tried where the tests run on SQLite")
    server = installation.server
    people = residents.one_of_each(installation, server, "ann", "bob")
    with Crowd(server.port) as crowd:
        wait_until(lambda: all(crowd.count(door) >= ENOUGH for door in ("session", "matrix", "openpgp")))
    assert crowd.wrong == []
    file = installation.database.file
    with database.empty_database(tmp_path, postgres_url) as place:
        assert "is in use: stop the server first" in command(installation, place, "copy_database", file)
        assert server.stop() == 0
        assert "copied, and counted on both sides" in command(installation, place, "copy_database", file)
        with serving(installation, place) as there:
            everybody_comes(there, people, crowd.let_in)
