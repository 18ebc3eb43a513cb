"""The release before serves on the schema of this one, beside it, and nobody notices (R60).

Real processes of both: the old code comes out of the history (`previous.py`).
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conformance.otp.person import PASSWORD
from tests.live import Installation, Server, database, environment_of
from tests.upgrade import previous, residents
from tests.upgrade.crowd import Crowd, wait_until

pytestmark = pytest.mark.thorough

DOORS = ("session", "matrix", "otp")  # those that both releases have
ENOUGH = 5  # people of each door of the crowd


@dataclass
class Both:
    """One database, two checkouts."""

    old_code: Path
    installation: Installation
    servers: list[Server] = field(default_factory=list)

    def server(self, code: Path = database.ROOT) -> Server:
        """A new one that is ready; what it logs is kept."""
        log = self.installation.folder / f"server{len(self.servers)}.log"
        made = Server(self.installation.environment, log, code=code)
        self.servers.append(made)
        return made.start()

    def old(self) -> Server:
        return self.server(self.old_code)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    if missing := previous.missing():
        pytest.skip(missing)
    folder = tmp_path / "installation"
    folder.mkdir()
    old_code = previous.unpack(tmp_path / "old")
    with database.empty_database(folder) as empty:
        environment = environment_of(empty, folder)
        database.migrate(empty.url, folder, code=old_code)
        make = residents.MAKE.format(password=PASSWORD, names=("ann", "bob", "cid", "dan"))
        command = [sys.executable, "manage.py", "shell", "-c", make]
        done = subprocess.run(command, cwd=old_code, env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        found = Both(old_code, Installation(folder, empty, environment, []))
        yield found
        for server in found.servers:
            server.kill()


def people_of(both: Both, server: Server, name: str) -> list[residents.Resident]:
    return [
        residents.session(server),
        residents.matrix_person(server),
        residents.mailed(both.installation, server, name),
    ]


def assert_at_home(server: Server, people: list[residents.Resident]) -> None:
    found = [(person.door, person.still_in(server), person.log_in(server)) for person in people]
    assert found == [(person.door, True, True) for person in people]


def test_an_upgrade_process_by_process_is_noticed_by_nobody(both: Both) -> None:
    """As docs/lifecycle.md tells: `migrate` while the release before serves, then new processes beside the old."""
    old = both.old()
    people = people_of(both, old, "ann")
    with Crowd(old.port, "session", "matrix") as crowd:
        wait_until(lambda: all(crowd.count(door) >= ENOUGH for door in ("session", "matrix")))
        database.migrate(both.installation.database.url, both.installation.folder)
        after = len(crowd.let_in)
        wait_until(lambda: len(crowd.let_in) > after + ENOUGH)
        new = both.server()
        after = len(crowd.let_in)
        wait_until(lambda: len(crowd.let_in) > after + ENOUGH)
    assert crowd.wrong == []
    assert_at_home(old, people)
    assert_at_home(new, people)
    assert [door for door, comes_again in crowd.let_in if not comes_again(new.port)] == []
    newcomers = people_of(both, new, "bob")
    assert_at_home(old, newcomers)
    assert old.stop() == 0
    assert_at_home(new, [*people, *newcomers])


def test_the_release_before_starts_on_the_new_schema_and_takes_over_again(both: Both) -> None:
    """A crash in the middle of an upgrade, or the decision to go back."""
    database.migrate(both.installation.database.url, both.installation.folder)
    new = both.server()
    people = people_of(both, new, "cid")
    assert new.stop() == 0
    old = both.old()
    assert_at_home(old, people)
    assert_at_home(old, people_of(both, old, "dan"))


def test_a_new_process_is_not_ready_before_the_schema_is(both: Both) -> None:
    both.server(both.old_code).kill()
    log = both.installation.folder / "early.log"
    early = Server(both.installation.environment, log)
    both.servers.append(early)
    early.start(ready_path="/healthz")
    assert early.status("/readyz") == 503
    database.migrate(both.installation.database.url, both.installation.folder)
    wait_until(lambda: early.status("/readyz") == 200)
