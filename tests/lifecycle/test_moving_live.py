"""A backup under load, restored into an empty place, and the way to Postgres: every account of the moment logs in."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.oauth.conftest import SETTINGS
from tests.live import Database, Installation, Server, database, matrix, running
from tests.live.laverna import Person as Author
from tests.live.session import Client
from tests.upgrade import residents

pytestmark = pytest.mark.thorough

PATIENCE = 60.0  # seconds
ENOUGH = 25  # accounts of each door before the backup begins


class Crowd:
    """New people at three doors, all the time; remembers those to whom the server said yes, in that order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.let_in: list[tuple[str, Callable[[int], bool]]] = []
        self.wrong: list[str] = []
        self._over = threading.Event()
        jobs = (self._session, self._matrix, self._laverna)
        self._threads = [threading.Thread(target=self._repeat, args=(job,), daemon=True) for job in jobs]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def count(self, door: str) -> int:
        return sum(name == door for name, _ in tuple(self.let_in))

    def _repeat(self, job: Callable[[], tuple[str, Callable[[int], bool]]]) -> None:
        while not self._over.is_set():
            try:
                self.let_in.append(job())
            except Exception as failure:  # whatever it is, it is a finding
                self.wrong.append(repr(failure)[:500])

    def _session(self) -> tuple[str, Callable[[int], bool]]:
        person = Client(self.port)
        token = person.log_in()

        def comes_again(port: int) -> bool:
            there = Client(port, person.private_key)
            return there.who_am_i(token).status == 200 and bool(there.log_in())

        return "session", comes_again

    def _matrix(self) -> tuple[str, Callable[[int], bool]]:
        name = matrix.new_name()
        token = matrix.register(self.port, name)["access_token"]
        return "matrix", lambda port: matrix.who_am_i(port, token) == 200 and bool(matrix.log_in(port, name))

    def _laverna(self) -> tuple[str, Callable[[int], bool]]:
        person = Author(self.port).signed_in()
        there = Author(0, person.username, person.key)

        def comes_again(port: int) -> bool:
            there.port = port
            return there.ask("GET", "/api/me", token=person.token).status == 200 and bool(there.log_in())

        return "openpgp", comes_again


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


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 3 * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the server is too slow"
        time.sleep(0.02)


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
