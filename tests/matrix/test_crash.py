"""kill -9 while people register: what was acknowledged stays, nothing is half-written (R55)."""

import contextlib
import http.client
import threading
import time

import pytest

from tests.live import running
from tests.live.matrix import API, DUMMY, PASSWORD, ask, new_name, who_am_i

pytestmark = pytest.mark.thorough

KILLS = 3
AT_ONCE = 4
PATIENCE = 60.0
HALF_WRITTEN = """
SELECT count(*) FROM accounts_user u WHERE u.password LIKE '!%'
OR NOT EXISTS (SELECT 1 FROM accounts_device d WHERE d.user_id = u.id)
OR NOT EXISTS (SELECT 1 FROM accounts_token t WHERE t.user_id = u.id AND t.device_id IS NOT NULL)
"""


class Load:
    """People who register, each in two requests; remembers the tokens the server answered with."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.tokens: list[str] = []
        self.unexpected: list[tuple[int, bytes]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._register, daemon=True) for _ in range(AT_ONCE)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _register(self) -> None:
        while not self._over.is_set():
            body = {"username": new_name(), "password": PASSWORD}
            try:
                session = ask(self.port, "POST", f"{API}/register", data=body).json["session"]
                answer = ask(self.port, "POST", f"{API}/register", data=body | {"auth": DUMMY | {"session": session}})
            except (OSError, http.client.HTTPException):  # the server was killed meanwhile
                time.sleep(0.02)
                continue
            if answer.status == 200:
                self.tokens.append(answer.json["access_token"])
            else:
                self.unexpected.append((answer.status, answer.body))


def test_no_acknowledged_registration_is_lost_and_none_is_half_written() -> None:
    with running() as installation:
        server = installation.server
        with contextlib.ExitStack() as stack:
            load = stack.enter_context(Load(server.port))
            for _ in range(KILLS):
                enough = len(load.tokens) + 5
                deadline = time.monotonic() + PATIENCE
                while len(load.tokens) < enough:
                    assert time.monotonic() < deadline, load.unexpected
                    time.sleep(0.01)
                server.restart()
        assert load.unexpected == []
        assert [who_am_i(server.port, token) for token in load.tokens] == [200] * len(load.tokens)
        assert installation.database.query(HALF_WRITTEN) == [(0,)]
