"""SIGTERM while people log in: nobody who was let in is cut off (R59)."""

import contextlib
import http.client
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.faults import figures
from tests.faults.load import Load, wait_for
from tests.faults.servers import DAPHNE, UVICORN, WORKERS, served_by
from tests.live.laverna import Person
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer
from tests.live.session import Client

pytestmark = pytest.mark.thorough

PATIENCE = 60.0


class Regular:
    """A client that asks again and again over one connection, until it is told that this was the last answer."""

    def __init__(self, port: int, token: str) -> None:
        self.statuses: list[int] = []
        self.end = ""
        self._port, self._token = port, token
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def ended(self) -> str:
        """How: "last answer" is how it should be."""
        self._thread.join(PATIENCE)
        return self.end

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        with contextlib.closing(connection):
            while not self.end:
                try:
                    connection.request("GET", "/token", headers={"Authorization": f"Bearer {self._token}"})
                    answer = connection.getresponse()
                    answer.read()
                    self.statuses.append(answer.status)
                    if answer.getheader("Connection", "").lower() == "close":
                        self.end = "last answer"
                except (OSError, http.client.HTTPException) as error:
                    self.end = type(error).__name__


@pytest.mark.parametrize("kind", [DAPHNE, UVICORN, WORKERS])
def test_no_request_that_was_let_in_is_reset_sockets_close_with_1001_and_the_exit_code_is_0(
    postgres: PostgresServer, redis: RedisServer, kind: str
) -> None:
    with served_by(kind, postgres, redis) as installation, contextlib.ExitStack() as stack:
        server = installation.server
        alice = Person(server.port).signed_in()
        token = Client(server.port).log_in()
        device = stack.enter_context(alice.device("phone"))
        code_sockets = [stack.enter_context(code_socket(server.port)) for _ in range(4)]
        regulars = [Regular(server.port, token) for _ in range(4)]
        load = stack.enter_context(Load(server.port))
        load.until(more=20)
        wait_for(lambda: all(len(regular.statuses) > 5 for regular in regulars))
        begun = time.monotonic()
        server.terminate()
        codes = [close_code(socket) for socket in (device.socket, *code_sockets)]
        assert server.wait() == 0
        took = time.monotonic() - begun
        load.stop()
        assert codes == [1001] * 5
        assert {regular.ended() for regular in regulars} == {"last answer"}
        assert {status for regular in regulars for status in regular.statuses} == {200}
        assert set(load.cut) <= {"ConnectionRefusedError"}, load.cut
        assert set(load.statuses()) == {200}
        log = server.log.read_text()
        assert "Traceback" not in log
        server.start()
        lost = load.lost()
        assert lost == []
        figures.tell(
            "SIGTERM",
            kind,
            acknowledged=len(load.acknowledged),
            lost=len(lost),
            recovered=took,
            meanwhile="no connection reset, sockets closed with 1001, exit 0; the time is until the process has ended",
        )


def code_socket(port: int) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{port}/ws/login/", compression=None, open_timeout=PATIENCE)


def close_code(socket: ClientConnection) -> int | None:
    try:
        while True:
            socket.recv(PATIENCE)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None
