"""Websockets that flood, that never read, and that are too many (R43, R44)."""

import contextlib
import json
import socket
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from tests.faults import figures
from tests.faults.load import wait_for
from tests.faults.servers import DAPHNE, UVICORN
from tests.live import Installation, running
from tests.live.laverna import Device, Person
from tests.live.process import resident_bytes

pytestmark = pytest.mark.thorough

PATIENCE = 60.0
OK = {"ok": True}
MOST = 50 + 100  # of the code door, and that signal (R44)


@pytest.fixture(params=[DAPHNE, UVICORN])
def installation(request: pytest.FixtureRequest) -> Any:
    """With the limits of an ordinary installation."""
    with running(SERVER=request.param, RATE_LIMIT_SCALE="1") as found:
        found.environment["KIND"] = f"{request.param}, SQLite"
        yield found


def test_floods_and_readers_that_never_read_end_alone(installation: Installation) -> None:
    server = installation.server
    alice, bob = Person(server.port).signed_in(), Person(server.port).signed_in()
    before = resident_bytes(server.pid)
    with alice.device("phone") as phone, bob.device("pc") as pc, contextlib.ExitStack() as stack:
        codes = [flooded(server.port, "/ws/login/"), flooded(server.port, "/ws/signal/")]
        assert codes == [1008, 1008]
        assert large(server.port, "/ws/login/", 20_000) == 1009
        assert large(server.port, "/ws/signal/", 300_000) == 1009
        assert large(server.port, "/ws/signal/", 1_100_000) == 1009
        deaf = [stack.enter_context(never_reads(server.port, "/ws/login/")) for _ in range(4)]
        slow = stack.enter_context(never_reads(server.port, "/ws/signal/"))
        say(slow, {"event": "connect", "data": {"username": bob.username, "deviceId": "slow", "token": bob.token}})
        wait_for(lambda: "slow" in devices_of(installation, bob))
        sent = speak_until_gone(installation, phone, bob)
        for _ in range(300):
            for one in deaf:
                with contextlib.suppress(OSError):
                    say(one, {"event": "x" * 200, "data": {}})
        assert phone.ask("requestOffers", {"users": [bob.username]}) == OK, "the sender was never held up"
        pc.told("requestOffer")
        grown = (resident_bytes(server.pid) - before) / 1_048_576
        assert grown < 80
        figures.tell(
            "sockets: floods, large messages, 5 that never read",
            installation.environment["KIND"],
            meanwhile=f"closed with 1008, 1009 and 4408 (after {sent / 1024:.0f} KiB); others go on; "
            f"{max(grown, 0):.0f} MiB of memory",
        )


def test_an_address_has_its_share_of_sockets_and_no_more(installation: Installation) -> None:
    server = installation.server
    before = resident_bytes(server.pid)
    with contextlib.ExitStack() as stack:
        sockets, refused = [], 0
        for path in ["/ws/login/"] * 60 + ["/ws/signal/"] * 110:
            try:
                sockets.append(stack.enter_context(connect_to(server.port, path)))
            except InvalidHandshake:
                refused += 1
        wait_for(lambda: open_ones(sockets) <= MOST)
        assert open_ones(sockets) == MOST
        grown = (resident_bytes(server.pid) - before) / 1_048_576
        assert server.status("/healthz") == 200
        figures.tell(
            "170 sockets of one address",
            installation.environment["KIND"],
            meanwhile=f"{MOST} open, {refused} refused, the others closed; {max(grown, 0):.1f} MiB of memory",
        )


def open_ones(sockets: list[ClientConnection]) -> int:
    return sum(one.protocol.state is State.OPEN for one in sockets)


def connect_to(port: int, path: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{port}{path}", compression=None, open_timeout=PATIENCE, max_size=None)


def flooded(port: int, path: str) -> int:
    """The code that a socket is closed with which sends as fast as it can."""
    with connect_to(port, path) as one:
        return sent_until_closed(one, [json.dumps({"event": "nothing", "data": {}})] * 50_000)


def large(port: int, path: str, size: int) -> int:
    with connect_to(port, path) as one:
        return sent_until_closed(one, [json.dumps({"event": "x" * size})])


def sent_until_closed(one: ClientConnection, messages: list[str]) -> int:
    try:
        for message in messages:
            one.send(message)
        while True:
            one.recv(PATIENCE)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else 0


@contextlib.contextmanager
def never_reads(port: int, path: str) -> Any:
    """A socket whose owner reads nothing after the handshake."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(5.0)
        one.connect(("127.0.0.1", port))
        one.sendall(
            f"GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b" 101 " in one.recv(4096)
        yield one


def say(one: socket.socket, frame: Any) -> None:
    """One masked text frame."""
    text = json.dumps(frame).encode()
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    one.sendall(b"\x81" + size + b"\0\0\0\0" + text)


def devices_of(installation: Installation, person: Person) -> set[str]:
    """Those that are connected."""
    rows = installation.database.query(
        "SELECT d.device_id FROM openpgp_presence p JOIN accounts_device d ON d.id = p.device_id "
        f"JOIN accounts_user u ON u.id = p.user_id WHERE u.username = '{person.username}'"
    )
    return {name for (name,) in rows}


def speak_until_gone(installation: Installation, phone: Device, bob: Person) -> int:
    """Sends to the device that never reads until the server has dropped it; how many bytes that took."""
    signal = "x" * 60_000
    sent = 0
    deadline = time.monotonic() + PATIENCE
    while "slow" in devices_of(installation, bob):
        assert time.monotonic() < deadline, "it is still connected"
        to = {"username": bob.username, "deviceId": "slow"}
        assert phone.ask("sendSignal", {"signal": signal, "signature": "s", "to": to}) == OK
        sent += len(signal)
    return sent
