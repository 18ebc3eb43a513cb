"""Guessers and events with several live servers on one database, one of them killed."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live import Installation, laverna, matrix, running
from tests.watching.receiver import Receiver, receiving

pytestmark = pytest.mark.thorough
GUESSER, SOMEBODY = "198.51.100.7", "203.0.113.5"
LOGIN = f"{matrix.API}/login"
PATIENCE = 120.0  # seconds; pauses between tries are part of it
SUBSCRIBE = """
from accounts import subscriptions
from accounts.models import Subscription
row = Subscription(name="ops", channel="webhook", target="{url}", least_severity="warning", kinds=["guesser-blocked"])
print(subscriptions.save(row, actor="command"))
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def installation(receiver: Receiver) -> Iterator[Installation]:
    """Two servers behind a proxy, which is this test."""
    wide: dict[str, Any] = {
        "MATRIX_LOGIN_RATE": "100000/60",
        "PASSWORD_FAILURE_RATE": "100000/60",
        "RATE_LIMIT_SCALE": "1",
    }
    small: dict[str, Any] = {
        "GUESSER_RATE": "10/3600",
        "GUESSER_NETWORK_RATE": "100000/3600",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    near: dict[str, Any] = {
        "EVENT_PRIVATE_TARGETS": "on",
        "EVENT_HTTP_TARGETS": "on",
        "MATRIX_REGISTRATION_RATE": "1000/60",
    }
    with running(count=2, **wide, **small, **near) as servers:
        servers.manage("shell", "--verbosity", "0", "-c", SUBSCRIBE.format(url=receiver.url))
        yield servers


def log_in(port: int, name: str, password: str, ip: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = json.dumps(matrix.proof(name) | {"password": password})
    try:
        connection.request("POST", LOGIN, body, {"X-Forwarded-For": ip})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def rules(installation: Installation) -> list[tuple[str, str]]:
    return [tuple(row) for row in installation.database.query("SELECT pattern, author_name FROM accounts_accessrule")]


def failures(installation: Installation) -> int:
    rows = installation.database.query(f"SELECT count FROM accounts_guesser WHERE network = '{GUESSER}'")
    return int(rows[0][0]) if rows else 0


def test_failures_at_two_servers_count_together_and_block_at_both(
    installation: Installation, receiver: Receiver
) -> None:
    ports = [server.port for server in installation.servers]
    name = matrix.new_name()
    matrix.register(ports[0], name)
    for _ in range(5):
        assert [log_in(port, name, "wrong", GUESSER) for port in ports] == [403, 403]
    assert eventually(lambda: rules(installation)) == [(GUESSER, "latchkey")]
    for port in ports:
        assert eventually(lambda port=port: log_in(port, name, matrix.PASSWORD, GUESSER) == 403)
        assert log_in(port, name, matrix.PASSWORD, SOMEBODY) == 200
    listed = installation.manage("rules", "list")
    assert f"deny  ip  {GUESSER}  all" in listed
    assert "by latchkey  (10 wrong secrets" in listed
    assert eventually(lambda: receiver.bodies)
    time.sleep(2.0)  # long enough for a second one, had each server told it
    (message,) = [json.loads(body) for body in receiver.bodies]
    assert (message["kind"], message["count"], message["events"][0]["subject"]) == ("guesser-blocked", 1, GUESSER)


def test_counts_and_messages_survive_kill_9(installation: Installation, receiver: Receiver) -> None:
    receiver.status = 503
    first, second = installation.servers
    name = matrix.new_name()
    matrix.register(first.port, name)
    for _ in range(6):
        log_in(first.port, name, "wrong", GUESSER)
    assert eventually(lambda: failures(installation) == 6)
    first.kill()
    second.kill()
    second.start()
    for _ in range(4):
        log_in(second.port, name, "wrong", GUESSER)
    assert eventually(lambda: rules(installation)) == [(GUESSER, "latchkey")]
    failed = "SELECT count(*) FROM accounts_delivery WHERE last_error = 'answered 503'"
    assert eventually(lambda: installation.database.query(failed)[0][0] == 1)  # no try is under way now
    second.kill()
    refused = len(receiver.requests)
    receiver.status = 204
    second.start()
    assert eventually(lambda: len(receiver.requests) > refused)
    ids = {json.loads(body)["id"] for body in receiver.bodies}
    assert len(ids) == 1
    told = "SELECT count(*) FROM accounts_delivery WHERE state = 'told'"
    assert eventually(lambda: installation.database.query(told)[0][0] == 1)


def socket_from(stack: ExitStack, person: laverna.Person, port: int, ip: str, device_id: str) -> ClientConnection:
    """A connected device that the server sees at this address."""
    headers = {"X-Forwarded-For": ip}
    url = f"ws://127.0.0.1:{port}/ws/signal/"
    opening = connect(url, compression=None, open_timeout=PATIENCE, additional_headers=headers)
    socket: ClientConnection = stack.enter_context(opening)
    names = {"username": person.username, "deviceId": device_id, "token": person.token}
    assert laverna.Device(socket).ask("connect", names) == {"ok": True}
    return socket


def code_of_the_end(socket: ClientConnection) -> int:
    """The code with which the server closes the socket."""
    try:
        while True:
            socket.recv(PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


def test_sockets_of_a_blocked_address_are_closed_at_every_server_and_no_others(installation: Installation) -> None:
    ports = [server.port for server in installation.servers]
    person = laverna.Person(ports[0]).signed_in()
    with ExitStack() as stack:
        mine = [socket_from(stack, person, port, GUESSER, f"g{port}") for port in ports]
        theirs = [socket_from(stack, person, port, SOMEBODY, f"s{port}") for port in ports]
        for _ in range(10):
            log_in(ports[0], "nobody", "wrong", GUESSER)
        for socket in mine:
            assert code_of_the_end(socket) == 4403
        for number, socket in enumerate(theirs):
            socket.send(json.dumps({"event": "nonsense", "data": {}, "id": number}))
            assert socket.recv(PATIENCE)


def test_a_header_of_a_stranger_blocks_nobody() -> None:
    """Without a trusted proxy the address is the peer's, which is loopback here, and that is never blocked."""
    wide: dict[str, Any] = {
        "MATRIX_LOGIN_RATE": "100000/60",
        "PASSWORD_FAILURE_RATE": "100000/60",
        "RATE_LIMIT_SCALE": "1",
    }
    with running(**wide, GUESSER_RATE="5/3600") as servers:
        for _ in range(12):
            log_in(servers.server.port, "nobody", "wrong", GUESSER)
        counted = "SELECT count FROM accounts_guesser WHERE network = '127.0.0.1'"
        assert eventually(lambda: servers.database.query(counted) and servers.database.query(counted)[0][0] == 12)
        assert rules(servers) == []
        assert failures(servers) == 0
