"""What an attack on a live Laverna door tried, and what must not come of it (laverna.md §6); limits are real."""

import contextlib
import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live import Installation, matrix, running
from tests.live.laverna import PATIENCE, Device, Person, login_text
from tests.live.parallel import at_once
from tests.live.session import Client

WIDE = "100000/1"
SETTINGS: dict[str, Any] = {
    "RATE_LIMIT_SCALE": "1",
    "OPENPGP_REGISTRATION_RATE": WIDE,
    "OPENPGP_DIRECTORY_RATE": WIDE,
    "OPENPGP_CHALLENGE_RATE": WIDE,
}
SOCKETS = 20  # of one account
REFUSED = '44{"message":"Authentication error"}'


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with running(**SETTINGS) as found:
        yield found


@pytest.fixture
def port(installation: Installation) -> int:
    return installation.server.port


def socket_io(person: Person, device_id: str, token: str = "") -> ClientConnection:
    """A socket of Socket.IO 4 with everything in its query, as the application does it."""
    query = f"username={person.username}&deviceId={device_id}&token={token or person.token}"
    url = f"ws://127.0.0.1:{person.port}/socket.io/?EIO=4&transport=websocket&{query}"
    socket = connect(url, compression=None, max_size=2**21, max_queue=1, open_timeout=PATIENCE, legacy=True)
    assert str(socket.recv(PATIENCE)).startswith("0")
    socket.send("40")
    return socket


def close_code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        _read_on(socket)
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


def _read_on(socket: ClientConnection) -> None:
    while True:
        socket.recv(PATIENCE)


def test_whatever_ends_a_token_closes_its_sockets_at_both_doors(installation: Installation, port: int) -> None:
    denied, locked, ended, deleted = people = [Person(port).signed_in() for _ in range(4)]
    with contextlib.ExitStack() as stack:
        plain = [stack.enter_context(person.device("plain")).socket for person in people]
        other = [stack.enter_context(socket_io(person, "other")) for person in people]
        assert [str(socket.recv(PATIENCE))[:2] for socket in other] == ["40"] * 4
        installation.manage(
            "shell",
            "-c",
            "from accounts import rules, users\n"
            f"rules.add('deny', 'fingerprint', {denied.key.fingerprint!r})\n"
            f"users.lock(users.get({locked.username!r}))\n"
            f"users.end_all_sessions(users.get({ended.username!r}))\n",
        )
        text = login_text(deleted.username, deleted.key.public, deleted.session_token(), msg="DELETE_REQUEST")
        body = {"signature": deleted.key.sign(text)}
        assert deleted.ask("DELETE", f"/api/users/name/{deleted.username}", body=body).status == 200
        assert [close_code(socket) for socket in plain] == [4403, 4401, 4401, 4401]
        assert [close_code(socket) for socket in other] == [4403, 4401, 4401, 4401]
        for person in people:
            again = stack.enter_context(socket_io(person, "again"))
            assert again.recv(PATIENCE) == REFUSED
            assert person.ask("GET", "/api/me", token=person.token).status == 401


def test_a_slow_reader_is_dropped_and_nobody_waits_for_it(port: int) -> None:
    alice, bob = Person(port).signed_in(), Person(port).signed_in()
    with alice.device("a") as sender, bob.device("quick") as quick, socket_io(bob, "slow") as slow:
        assert str(slow.recv(PATIENCE)).startswith("40")
        signal = {"signal": "x" * 200_000, "signature": "", "to": {"username": bob.username, "deviceId": "slow"}}
        for number in range(80):  # more than the kernel's buffers and the server's queue hold together
            assert sender.ask("sendSignal", signal) == {"ok": True}
            small = {"signal": number, "signature": "", "to": {"username": bob.username, "deviceId": "quick"}}
            assert sender.ask("sendSignal", small) == {"ok": True}
            assert quick.told("signal")["signal"] == number
        assert close_code(slow) == 4408


def test_an_account_holds_so_many_sockets_also_when_they_come_at_once(port: int) -> None:
    person = Person(port).signed_in()
    with contextlib.ExitStack() as stack:

        def come(number: int) -> str:
            socket = stack.enter_context(socket_io(person, f"d{number}"))
            return str(socket.recv(PATIENCE))[:2]

        assert Counter(at_once([partial(come, number) for number in range(2 * SOCKETS)])) == {"40": 20, "44": 20}


def test_tokens_of_other_doors_open_nothing_here_and_ours_nothing_there(port: int) -> None:
    person = Person(port).signed_in()
    theirs = matrix.register(port, person.username[:8] + "m")["access_token"]
    session = Client(port)
    for token in (theirs, session.log_in(), person.session_token(), person.token[:-1], person.token + "A"):
        with socket_io(person, "x", token) as socket:
            assert socket.recv(PATIENCE) == REFUSED
    assert matrix.who_am_i(port, person.token) == 401
    assert session.who_am_i(person.token).status == 401
    assert person.ask("POST", "/api/token/refresh", body={"refresh": person.token}).status in (400, 401)


def test_an_event_name_with_half_a_character_is_answered_or_refused_and_the_socket_stays(port: int) -> None:
    """`"\\ud800"` is a name that cannot be written back as UTF-8."""
    person = Person(port).signed_in()
    with person.device("x") as device:
        device.socket.send('{"event":"\\ud800","data":{},"id":"a"}')
        device.socket.send('{"event":"x","data":{},"id":"\\udc00"}')
        device.socket.recv(PATIENCE)
        device.socket.recv(PATIENCE)
        assert device.ask("requestOffers", {"users": []}) == {"ok": True}


MARKS = [
    *'"{}[],:\\ ', "null", "true", "1e400", "-0", "9" * 400, "[[[[", '""', "\\ud800", "\\u0000", "\u2028", "𐍈",
    '"users"', '"to"', '"username"', '"id"', '"data"', '"event"',
]  # fmt: skip


def mutated(dice: random.Random, text: str) -> str:
    """The text with a few marks put in and a few stretches cut out."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + (dice.choice(MARKS) if dice.random() < 0.7 else "") + text[at + dice.randrange(12) :]
    return text


def test_mutated_events_disturb_nobody(port: int) -> None:
    dice = random.Random(20)  # the same attack each time
    alice, bob = Person(port).signed_in(), Person(port).signed_in()
    to = {"username": bob.username, "deviceId": "b"}
    events = {
        "requestOffers": {"users": [bob.username, to, {"username": alice.username}]},
        "sendSignal": {"signal": {"a": [1, {"b": None}]}, "signature": "s", "to": to},
        "sendOffer": to,
        "sendInvite": {"username": bob.username, "signature": "-----BEGIN PGP SIGNED MESSAGE-----"},
        "removeInvite": {"username": bob.username},
    }
    frames = [json.dumps({"event": event, "data": data, "id": 1}) for event, data in events.items()]
    packets = [f"421{json.dumps([event, data])}" for event, data in events.items()]
    with alice.device("a") as bystander, bob.device("b") as listener:
        for number in range(60):
            with socket_io(alice, "fuzz") if number % 2 else alice.device("fuzz") as found:
                socket = found.socket if isinstance(found, Device) else found
                with contextlib.suppress(ConnectionClosed):
                    for _ in range(4):
                        socket.send(mutated(dice, dice.choice(packets if number % 2 else frames)))
                    if isinstance(found, Device):
                        found.ask("requestOffers", {"users": []})
        for device in (bystander, listener):
            assert device.ask("removeInvite", {"username": alice.username}) == {"ok": True}
        assert all(set(data) <= {"username", "deviceId", "user", "initiator", "signal", "signature", "from"}
                   for _, data in listener.heard)  # fmt: skip


BODIES = [
    b"", b"{}", b"[]", b"null", b"x", b"\x00", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 20_000, b"&" * 90_000,
    b"a=1&" * 200, b"username=%ff&publicKey=%00", b'{"username":"a","username":"b"}', b'{"username":{},"publicKey":[]}',
    b'{"username":"\\ud800","publicKey":"\\udc00","signature":"\\ud800","fingerprint":"\\ud800"}',
    b'{"username":1e999}',
]  # fmt: skip
TYPES = [
    "application/json", "application/json; charset=utf-7", "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16", "multipart/form-data; boundary=x", "multipart/form-data",
    "x", "",
]  # fmt: skip


def test_no_body_makes_it_fail_and_every_answer_is_open_to_other_origins(port: int) -> None:
    person = Person(port).signed_in()
    paths = [("POST", "/api/users"), ("POST", "/api/auth"), ("PUT", f"/api/users/name/{person.username}")]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for method, path in [*paths, ("DELETE", f"/api/users/name/{person.username}")]:
        for content_type in TYPES:
            for body in BODIES:
                connection.request(method, path, body=body, headers={"Content-Type": content_type})
                answer = connection.getresponse()
                answer.read()
                assert answer.status in ({200} if path == "/api/auth" else {400, 404, 415, 429}), (
                    path,
                    content_type,
                    body[:40],
                )
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
    connection.close()


def test_no_failure_and_no_token_is_in_the_log(installation: Installation, port: int) -> None:
    """The last test of the module: its log holds all that the others did."""
    person = Person(port).signed_in()
    with socket_io(person, "x") as socket:
        assert str(socket.recv(PATIENCE)).startswith("40")
    with socket_io(person, "x", person.token[:-4]) as socket:
        assert socket.recv(PATIENCE) == REFUSED
    log = installation.server.log.read_text()
    assert "eyJ" not in log
    assert "BEGIN PGP" not in log
    assert "Traceback" not in log
    assert "a door failed" not in log
