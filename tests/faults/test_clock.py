"""The machine's clock goes back by an hour: nothing used or expired comes back, and everything goes on (R30)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.faults import figures
from tests.faults.load import wait_for
from tests.faults.moved_clock import MovedClock
from tests.faults.servers import DAPHNE, WORKERS, served_by
from tests.live import Installation
from tests.live.admin import Administrator
from tests.live.laverna import Person
from tests.live.matrix import API, ask, log_in, new_name, proof, register
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer
from tests.live.session import Client

pytestmark = pytest.mark.thorough

HOUR = 3600.0
LIFETIME = 600  # seconds of an access token of the Session door
PASSWORD = "correct horse battery staple"


@pytest.fixture
def clock(tmp_path: Path) -> MovedClock:
    return MovedClock(tmp_path)


@pytest.fixture(params=[DAPHNE, WORKERS])
def installation(
    request: pytest.FixtureRequest, clock: MovedClock, postgres: PostgresServer, redis: RedisServer
) -> Iterator[Installation]:
    settings = {"SESSION_TOKEN_LIFETIME": str(LIFETIME), "ADMIN_IDLE": str(LIFETIME), "MATRIX_LOGIN_TOKEN_RATE": "9/60"}
    with served_by(request.param, postgres, redis, settings=settings | clock.settings) as found:
        found.environment["KIND"] = request.param
        yield found


class Secrets:
    """One of each kind that was used, one that will expire, and what tells whether they are refused."""

    def __init__(self, port: int, staff: Administrator) -> None:
        self.port, self.staff = port, staff
        self.client, self.late = Client(port), Client(port)
        self.used_challenge = self.client.challenge()
        assert self.client.submit(self.used_challenge).status == 200
        self.late_challenge = self.late.challenge()
        name = new_name()
        self.matrix = register(port, name)
        self.used_login_token, self.late_login_token = self._login_token(name), self._login_token(name)
        assert self._log_in(self.used_login_token) == 200

    def refused(self) -> dict[str, int]:
        """The answers to all that must be refused."""
        return {
            "a used challenge": self.client.submit(self.used_challenge).status,
            "an expired challenge": self.late.submit(self.late_challenge).status,
            "an expired access token": self.client.who_am_i(self.used_challenge).status,
            "a used login token": self._log_in(self.used_login_token),
            "an expired login token": self._log_in(self.late_login_token),
            "an administrator's session that was idle too long": self.staff.get("/admin/").status,
        }

    def _login_token(self, name: str) -> str:
        path, token = "/_matrix/client/v1/login/get_token", self.matrix["access_token"]
        session = ask(self.port, "POST", path, data={}, token=token).json["session"]
        auth = proof(name) | {"session": session}
        answer = ask(self.port, "POST", path, data={"auth": auth}, token=token)
        assert answer.status == 200, answer
        return str(answer.json["login_token"])

    def _log_in(self, login_token: str) -> int:
        return ask(self.port, "POST", f"{API}/login", data={"type": "m.login.token", "token": login_token}).status


REFUSED = {
    "a used challenge": 401,
    "an expired challenge": 401,
    "an expired access token": 401,
    "a used login token": 403,
    "an expired login token": 403,
    "an administrator's session that was idle too long": 302,
}


def test_what_was_used_or_has_expired_stays_so_also_in_a_process_that_starts_meanwhile(
    installation: Installation, clock: MovedClock
) -> None:
    server = installation.server
    installation.manage("users", "create", "ada", "--admin", "--password-stdin", typed=PASSWORD + "\n")
    secrets = Secrets(server.port, Administrator(server.port).sign_in("ada", PASSWORD))
    clock.move(HOUR, installation)
    assert secrets.refused() == REFUSED
    wait_for(lambda: is_noted(installation))
    clock.move(-HOUR, installation)
    assert secrets.refused() == REFUSED
    assert_all_goes_on(installation)
    server.restart()
    wait_for(lambda: secrets.refused() == REFUSED)
    assert_all_goes_on(installation)
    figures.tell(
        "clock back an hour",
        installation.environment["KIND"],
        acknowledged=len(REFUSED),
        lost=0,
        meanwhile="no used and no expired secret works again, also after a restart; logins, denies and sockets go on",
    )


def is_noted(installation: Installation) -> bool:
    """Whether the later time is in the database, from which a process that starts learns it (every 15 seconds)."""
    rows = installation.database.query("SELECT until FROM accounts_lease WHERE job = 'clock'")
    return any(until > datetime.now(UTC) + timedelta(seconds=HOUR / 2) for (until,) in rows)


def assert_all_goes_on(installation: Installation) -> None:
    """New logins work and last, and a deny saved by a command, whose clock is the machine's, ends a socket."""
    port = installation.server.port
    client = Client(port)
    assert client.who_am_i(client.log_in()).status == 200
    name = new_name()
    register(port, name)
    assert ask(port, "GET", f"{API}/account/whoami", token=log_in(port, name)["access_token"]).status == 200
    Administrator(port).sign_in("ada", PASSWORD).get("/admin/")
    bob = Person(port).signed_in()
    with bob.device("phone") as phone:
        installation.manage("rules", "add", "deny", "username", bob.username)
        with pytest.raises(ConnectionClosed) as end:  # noqa: PT012  (reads until then)
            while True:
                phone.socket.recv(60.0)
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 4403
