"""The bounds of R41 to R44 that hold under uvicorn without a reverse proxy: those of the head, and of websockets."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.idp.server.conftest import RunningServer, wait_for
from tests.idp.server.test_websocket_limits import close_of, gone, open_socket, small_window

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    running = RunningServer("uvicorn", keep_alive_seconds=1.0)
    yield running
    assert running.stop()[0] == 0


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (414, b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (414, b"GET /?" + b"a" * 40000),
        (431, GET + b"".join(b"X-%d: 1\r\n" % number for number in range(101)) + b"\r\n"),
        (431, GET + b"X: " + b"a" * 33000 + b"\r\n\r\n"),
        (431, GET + b"X: " + b"a" * 40000),
        (400, b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"G(T / HTTP/1.1\r\n\r\n"),
        (400, GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ],
)
def test_what_is_too_large_or_malformed_is_refused(server: Any, status: int, request_bytes: bytes) -> None:
    [answer] = server.connect().send(request_bytes).receive()
    assert answer.status == answer.json["status"] == status
    assert "server:" not in answer.head


def test_one_byte_now_and_then_does_not_keep_a_head_open(server: Any) -> None:
    client = server.connect().send(b"GET /a HTTP/1.1\r\nX: ")
    client.until_closed(drip=b"a")
    assert client.answers()[0].status == 408


def test_silent_and_idle_connections_are_closed(server: Any) -> None:
    server.connect().until_closed()
    client = server.connect().send(GET + b"\r\n")
    client.receive(1)
    client.until_closed()
    assert [answer.status for answer in client.answers()] == [200]


def test_requests_in_one_packet_are_answered_in_order(server: Any) -> None:
    client = server.connect()
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5)))
    assert [answer.json["path"] for answer in client.receive(5)] == ["/0", "/1", "/2", "/3", "/4"]


def test_of_very_many_requests_in_one_packet_the_first_are_answered_and_the_connection_ends(server: Any) -> None:
    client = server.connect()
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(2000)))
    answers = client.receive()
    assert [answer.json["path"] for answer in answers] == [f"/{number}" for number in range(len(answers))]
    assert 32 <= len(answers) < 100
    assert "connection: close" in answers[-1].head


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1008, 1009, 1011, 1012, 3000, 4408, 4999])
def test_the_application_closes_with_every_standard_code(server: RunningServer, code: int) -> None:
    with open_socket(server) as websocket:
        websocket.send(f"close {code}")
        assert close_of(websocket) == (code, "as asked")


def test_a_message_of_a_mebibyte_is_taken_and_one_more_byte_is_not(server: RunningServer) -> None:
    with open_socket(server) as websocket:
        websocket.send("x" * 1048576)
        assert websocket.recv(20) == "1048576"
        with suppress(ConnectionClosed):
            websocket.send("x" * 1048577)
        assert close_of(websocket)[0] == 1009


def test_a_long_burst_reaches_a_reader_who_reads(server: RunningServer) -> None:
    with open_socket(server, max_queue=None) as websocket:
        websocket.send("burst 2000")
        assert [websocket.recv(20) for _ in range(2000)] == [str(number) for number in range(2000)]


def test_a_reader_who_does_not_read_is_closed_while_the_sender_goes_on(server: RunningServer) -> None:
    client = small_window(server.port)
    client.sendall(upgrade("/flood"))
    server.until_printed("flooded 4408")
    wait_for(lambda: gone(client), "the connection was not aborted")
    with open_socket(server) as other:
        other.send("hello")
        assert other.recv(20) == "5"


def test_a_reader_who_was_too_slow_can_still_read_why(start: Any) -> None:
    server = start("uvicorn", websocket_close_seconds=15.0)
    with open_socket(server, "/flood", max_queue=1) as websocket:
        server.until_printed("flooded 4408")
        assert close_of(websocket)[0] == 4408


def test_who_pings_and_reads_no_pong_is_cut_off(server: RunningServer) -> None:
    client = small_window(server.port)
    client.sendall(upgrade("/"))
    pings = (b"\x89\xfd" + b"\0" * 4 + b"p" * 125) * 500
    with pytest.raises(OSError):  # noqa: PT011, PT012  (a reset, or a time-out where nobody reads any more)
        for _ in range(2000):
            client.sendall(pings)


def upgrade(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
