"""R59: the way down, of both servers."""

import signal
import socket
import time
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.idp.server.conftest import PATIENCE
from tests.idp.server.test_websocket_limits import close_of

SLOW = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
both_servers = pytest.mark.parametrize("kind", ["daphne", "uvicorn"])


@pytest.mark.parametrize(
    ("kind", "number"),
    [("daphne", signal.SIGTERM), ("daphne", signal.SIGINT), ("uvicorn", signal.SIGTERM)],
)
def test_a_request_in_flight_finishes_while_no_other_is_taken_and_the_exit_code_is_0(
    start: Any, kind: str, number: int
) -> None:
    server = start(kind)
    client = server.connect().send(SLOW)
    server.until_printed("slow")
    server.process.send_signal(number)
    with pytest.raises(OSError):  # noqa: PT011, PT012  (refused or reset: no new connection is taken)
        while True:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
            time.sleep(0.02)
    [answer] = client.receive()
    assert answer.status == 200
    assert answer.json["draining"] is True
    assert server.end() == (0, "")


@both_servers
def test_websockets_are_closed_with_1001_and_the_application_is_told(start: Any, kind: str) -> None:
    server = start(kind)
    with connect(f"ws://127.0.0.1:{server.port}/", open_timeout=PATIENCE) as websocket:
        websocket.send("hello")
        assert websocket.recv(PATIENCE) == "5"
        server.process.send_signal(signal.SIGTERM)
        assert close_of(websocket)[0] == 1001
    assert server.end() == (0, "")
    server.until_printed("disconnected 1001")


@both_servers
def test_half_open_and_idle_connections_do_not_hold_the_process_up(start: Any, kind: str) -> None:
    server = start(kind, keep_alive_seconds=60.0)
    idle = server.connect().send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    idle.receive(1)
    half_open = server.connect().send(b"GET / HT")
    fresh = server.connect()
    begun = time.monotonic()
    assert server.stop() == (0, "")
    assert time.monotonic() - begun < 4
    assert half_open.receive()[0].status == 408
    assert fresh.receive() == []


@both_servers
def test_a_request_sent_in_the_moment_of_the_signal_is_answered(start: Any, kind: str) -> None:
    server = start(kind)
    clients = [server.connect() for _ in range(20)]
    server.process.send_signal(signal.SIGTERM)
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.receive()[0].status for client in clients] == [200] * 20
    assert server.end() == (0, "")


def test_a_second_ctrl_c_stops_at_once(start: Any) -> None:
    server = start(drain_seconds=60.0, head_seconds=60.0)
    half_open = server.connect().send(b"GET / HT")
    server.connect().send(SLOW)
    server.until_printed("slow")
    server.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert server.stop(signal.SIGINT) == (0, "")
    assert half_open.receive() == []
