"""R41: sizes. Each bound is refused with the status that says why, in the form of the path's owner."""

from contextlib import suppress
from typing import Any

import pytest

GET = b"GET /a HTTP/1.1\r\nHost: a\r\nAccept: text/x\r\n"


def post(size: int, path: bytes = b"/a", extra: bytes = b"") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n" % (path, extra, size)


def test_a_plain_request_is_answered_without_naming_the_server(server: Any) -> None:
    answer = server.ask(GET + b"\r\n")
    assert answer.status == 200
    assert answer.json["path"] == "/a"
    assert "server:" not in answer.head
    assert "daphne" not in answer.head


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (414, b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (414, b"GET /?" + b"a" * 40000),
        (431, GET + b"".join(b"X-%d: 1\r\n" % number for number in range(101)) + b"\r\n"),
        (431, GET + b"X: " + b"a" * 33000 + b"\r\n\r\n"),
        (431, GET + b"X: " + b"a" * 40000),
        (431, GET + (b"X: " + b"a" * 8000 + b"\r\n") * 5),
        (413, post(65537)),
        (413, post(65537, extra=b"Expect: 100-continue\r\n")),
        (413, post(4097, path=b"/small/b?query=1")),
        (413, b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" + b"a" * 70000),
    ],
)
def test_what_is_too_large_is_refused(server: Any, status: int, request_bytes: bytes) -> None:
    [answer] = server.connect().send(request_bytes).receive()
    assert answer.status == status
    assert answer.json["status"] == status
    assert "application/json" in answer.head
    assert "access-control-allow-origin: *" in answer.head
    assert "connection: close" in answer.head


def test_a_refusal_reaches_a_client_that_goes_on_sending(server: Any) -> None:
    client = server.connect().send(post(5_000_000))
    with suppress(OSError):
        client.send(b"a" * 1_000_000)
    assert client.receive()[0].status == 413


def test_the_refusal_knows_the_path_and_what_the_client_accepts(server: Any) -> None:
    answer = server.ask(post(65537, path=b"/a/b?token=1", extra=b"Accept: text/html\r\n"))
    assert answer.json == {"status": 413, "path": "/a/b", "accept": "text/html"}


def test_what_is_just_small_enough_is_taken(server: Any) -> None:
    assert server.ask(b"GET /" + b"a" * 8191 + b" HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert server.ask(GET + b"".join(b"X-%d: 1\r\n" % number for number in range(98)) + b"\r\n").status == 200
    assert server.ask(GET + b"X: " + b"a" * 32000 + b"\r\n\r\n").status == 200
    assert server.ask(post(65536) + b"a" * 65536).json["length"] == 65536


def test_a_chunked_body_arrives_whole(server: Any) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert server.ask(head + b"5\r\nhello\r\n" * 1000 + b"0\r\n\r\n").json["length"] == 5000


def test_expect_continue_is_answered_for_a_body_of_the_right_size(server: Any) -> None:
    client = server.connect().send(post(3, extra=b"Expect: 100-continue\r\n"))
    assert client.receive(1)[0].status == 100
    assert client.send(b"abc").receive(2)[1].json["length"] == 3


def test_requests_in_one_packet_are_answered_in_order_and_the_connection_stays(server: Any) -> None:
    client = server.connect()
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5)))
    assert [answer.json["path"] for answer in client.receive(5)] == ["/0", "/1", "/2", "/3", "/4"]
    assert client.send(post(3) + b"abc" + GET + b"\r\n").receive(7)[5].json["length"] == 3


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n\r\n",
        b"G(T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/3.7\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /?\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
        GET + b"No colon\r\n\r\n",
        GET + b"B@d: 1\r\n\r\n",
        GET + b"Sp ace: 1\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        GET + b"X: a\x0bb\r\n\r\n",
        GET + b"Content-Length: -1\r\n\r\n",
        GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        GET + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        GET + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        GET + b"Transfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        GET + b"Upgrade: websocket\r\nSec-WebSocket-Protocol: \xff\r\n\r\n",
        GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 99\r\n\r\n",
    ],
)
def test_what_is_malformed_is_refused_and_never_a_server_error(server: Any, request_bytes: bytes) -> None:
    """The fixture sees to it that nothing is logged."""
    answer = server.ask(request_bytes)
    assert answer.status == answer.json["status"] == 400


def test_no_client_sets_the_root_path(server: Any) -> None:
    answer = server.ask(GET + b"Daphne-Root-Path: /evil\xff\r\n\r\n")
    assert answer.status == 200
    assert answer.json["root_path"] == ""


def test_an_upgrade_that_cannot_be_a_websocket_is_an_ordinary_request(server: Any) -> None:
    answer = server.ask(post(3, extra=b"Upgrade: websocket\r\nConnection: Upgrade\r\n") + b"abc")
    assert answer.json["method"] == "POST"
    assert answer.json["length"] == 3


def test_a_failing_application_is_a_500_in_the_form_of_the_paths_owner(start: Any) -> None:
    answer = start().ask(b"GET /fails HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.status == 500
    assert answer.json["path"] == "/fails"
