"""kill -9 while people log in: what was acknowledged stays, nothing is half-written (R55)."""

import contextlib
import http.client
import random
import threading
import time
from collections.abc import Iterator

import pytest

from tests.live import Installation, running
from tests.live.session import Client

pytestmark = pytest.mark.thorough

KILLS = 3
LOGINS_AT_ONCE = 8
HALF_WRITTEN = """
SELECT count(*) FROM accounts_user u WHERE NOT EXISTS (SELECT 1 FROM accounts_x25519key k WHERE k.user_id = u.id)
OR NOT EXISTS (SELECT 1 FROM accounts_device d WHERE d.user_id = u.id)
OR NOT EXISTS (SELECT 1 FROM accounts_token t WHERE t.user_id = u.id AND t.device_id IS NOT NULL)
"""


class Load:
    """People who log in again and again, each time with a new key; remembers what the server said yes to."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged: list[tuple[Client, str]] = []
        self.unexpected: list[int] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._log_in, daemon=True) for _ in range(LOGINS_AT_ONCE)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _log_in(self) -> None:
        while not self._over.is_set():
            client = Client(self.port)
            try:
                token = client.challenge()
                answer = client.submit(token)
            except (OSError, http.client.HTTPException):  # the server was killed meanwhile
                time.sleep(0.02)
                continue
            if answer.status == 200:
                self.acknowledged.append((client, token))
            else:
                self.unexpected.append(answer.status)


@pytest.fixture(params=["daphne", "uvicorn"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    with running(SERVER=request.param) as servers:
        yield servers


def test_no_acknowledged_login_is_lost_and_none_is_half_written(installation: Installation) -> None:
    server = installation.server
    with contextlib.ExitStack() as stack:
        load = stack.enter_context(Load(server.port))
        for _ in range(KILLS):
            enough = len(load.acknowledged) + 20
            wait_until(lambda enough=enough: len(load.acknowledged) >= enough)
            time.sleep(random.random() / 4)
            server.restart()
    assert load.unexpected == []
    assert len(load.acknowledged) >= KILLS * 20
    lost = [token for client, token in load.acknowledged if client.who_am_i(token).status != 200]
    assert lost == []
    assert installation.database.query(HALF_WRITTEN) == [(0,)]


def wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the server never answered the load"
        time.sleep(0.01)
