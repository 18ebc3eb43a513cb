"""R42: times. A deadline holds for the whole head or body; single bytes do not move it."""

import time
from typing import Any

HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_connection_that_sends_nothing_is_closed(server: Any) -> None:
    client = server.connect()
    client.until_closed()
    assert client.received == b""


def test_one_byte_now_and_then_does_not_keep_a_head_open(server: Any) -> None:
    client = server.connect().send(b"GET /a HTTP/1.1\r\nX: ")
    assert client.until_closed(drip=b"a") > 0.4
    assert client.answers()[0].status == 408
    assert client.answers()[0].json["path"] == "/a"


def test_one_byte_now_and_then_does_not_keep_a_request_line_open(server: Any) -> None:
    client = server.connect()
    client.until_closed(drip=b"G")
    assert client.answers()[0].status == 408


def test_one_byte_now_and_then_does_not_keep_a_body_open(server: Any) -> None:
    client = server.connect().send(HEAD)
    client.until_closed(drip=b"a")
    assert client.answers()[0].status == 408


def test_a_body_above_the_lowest_rate_still_has_an_end(server: Any) -> None:
    client = server.connect().send(HEAD.replace(b"1000", b"60000"))
    assert client.until_closed(drip=b"a" * 100) > 1.0
    assert client.answers()[0].status == 408


def test_a_body_above_the_lowest_rate_may_take_longer_than_the_grace(server: Any) -> None:
    client = server.connect().send(HEAD)
    for _ in range(8):
        client.send(b"a" * 125)
        time.sleep(0.1)
    assert client.receive(1)[0].json["length"] == 1000


def test_an_idle_connection_is_closed_without_a_word(server: Any) -> None:
    client = server.connect().send(GET)
    client.receive(1)
    client.until_closed()
    assert len(client.answers()) == 1


def test_the_deadline_begins_anew_with_each_request(server: Any) -> None:
    client = server.connect()
    for number in range(1, 5):
        time.sleep(0.25)
        assert client.send(GET).receive(number)[-1].status == 200


def test_a_slow_application_has_no_deadline(server: Any) -> None:
    assert server.ask(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").status == 200


def test_a_long_answer_that_ends_the_connection_may_be_fetched_slowly(start: Any) -> None:
    client = start(keep_alive_seconds=10.0).connect()
    client.send(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    time.sleep(1)
    assert len(client.receive()[0].body) == 8_000_000


def test_an_answer_that_is_never_fetched_does_not_keep_the_connection(server: Any) -> None:
    client = server.connect().send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(2)
    client.receive()
    assert 0 < len(client.received) < 8_000_000


def test_200_half_open_connections_leave_the_others_alone(start: Any) -> None:
    server = start(head_seconds=2.0)
    half_open = [server.connect().send(b"GET /a HTTP/1.1\r\nX: ") for _ in range(200)]
    begun = time.monotonic()
    client = server.connect()
    for number in range(1, 101):
        for slow in half_open[number::100]:
            slow.send(b"a")
        assert client.send(GET).receive(number)[-1].status == 200
    assert time.monotonic() - begun < 1.8  # about 0.1 when the machine is quiet
    for slow in half_open:
        slow.until_closed()
        assert slow.answers()[0].status == 408
