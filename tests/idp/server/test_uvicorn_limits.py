"""The bounds of R41 and R42 that hold under uvicorn without a reverse proxy: those of the head."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.idp.server.conftest import RunningServer

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
