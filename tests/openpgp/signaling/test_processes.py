"""Two server processes with a Redis between them: delivery, order, ends of sockets, a Redis that goes away (R27, R58);
and the log of a whole run, which holds no token (R51)."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live import Installation, running
from tests.live.laverna import Device, Person
from tests.live.redis_server import RedisServer

pytestmark = pytest.mark.thorough

OK = {"ok": True}
PATIENCE = 60.0


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def two(redis: RedisServer) -> Iterator[Installation]:
    with running(count=2, REDIS_URL=redis.url) as installation:
        yield installation


@pytest.fixture
def pair(two: Installation) -> tuple[Person, Person]:
    """Two people; the first comes to the first process, the second to the second."""
    first, second = (Person(server.port).signed_in() for server in two.servers)
    return first, second


@contextlib.contextmanager
def socket_io(person: Person, device_id: str, *, query: str = "") -> Iterator[ClientConnection]:
    named = query or f"&username={person.username}&deviceId={device_id}&token={person.token}"
    url = f"ws://127.0.0.1:{person.port}/socket.io/?EIO=3&transport=websocket{named}"
    with connect(url, compression=None, open_timeout=PATIENCE) as socket:
        socket.recv(PATIENCE)
        yield socket


def closed(socket: ClientConnection) -> int | None:
    """The code that it is closed with, whatever is said before."""
    try:
        while True:
            socket.recv(PATIENCE)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


def test_events_reach_devices_at_another_process(pair):
    alice, bob = pair
    with alice.device("phone") as phone, bob.device("pc") as pc, socket_io(bob, "tablet") as tablet:
        assert tablet.recv(PATIENCE) == "40"
        assert phone.ask("requestOffers", {"users": [bob.username]}) == OK
        asked = {"username": alice.username, "deviceId": "phone"}
        assert pc.told("requestOffer") == asked
        assert json.loads(str(tablet.recv(PATIENCE))[2:]) == ["requestOffer", asked]
        assert pc.ask("sendOffer", asked) == OK
        assert phone.told("offer") == {"user": {"username": bob.username, "deviceId": "pc"}, "initiator": False}
        assert pc.told("offer") == {"user": asked, "initiator": True}
        raw = '{"b":1.0,"a":[1e21,-0,"\\ud800","\\u00e9 😀",99999999999999999999]}'
        to = json.dumps({"username": bob.username, "deviceId": "pc"})
        for number in range(100):
            phone.socket.send(f'{{"event":"sendSignal","data":{{"signal":{raw},"signature":"{number}","to":{to}}}}}')
        sender = json.dumps(asked, separators=(",", ":"))
        for number in range(100):
            data = f'{{"signal":{raw},"signature":"{number}","from":{sender}}}'
            assert pc.socket.recv(PATIENCE) == f'{{"event":"signal","data":{data}}}'


def test_an_invite_reaches_another_process_and_waits_there(pair):
    alice, bob = pair
    with alice.device("phone") as phone:
        with bob.device("pc") as pc:
            assert phone.ask("sendInvite", alice.invitation(bob)) == OK
            assert pc.told("invite")["fingerprint"] == alice.key.fingerprint
        with bob.device("pc") as pc:
            assert pc.told("invite")["username"] == alice.username
            assert pc.ask("removeInvite", {"username": alice.username}) == OK
        with bob.device("pc") as pc:
            assert pc.ask("nothing", {}) == {"error": "There is no such event"}
            assert pc.heard == []


def test_sockets_end_in_every_process_when_the_account_is_locked(two, pair):
    alice, bob = pair
    elsewhere = Person(two.servers[1].port, alice.username, alice.key, alice.token)
    with alice.device("phone") as phone, elsewhere.device("pc") as pc, bob.device("pc") as other:
        two.manage("users", "lock", alice.username)
        assert [closed(device.socket) for device in (phone, pc)] == [4401, 4401]
        assert other.ask("requestOffers", {"users": []}) == OK


def test_no_token_is_in_the_log_of_a_server(two, pair):
    alice, _ = pair
    secret = alice.token
    query = f"&username={alice.username}&deviceId=x&token={secret}"
    with socket_io(alice, "x") as socket:
        assert socket.recv(PATIENCE) == "40"
    for bad in (query + "x", query.replace("deviceId=x", "deviceId="), query.replace(alice.username, "nobody")):
        with socket_io(alice, "x", query=bad) as socket:
            assert str(socket.recv(PATIENCE)).startswith("44")
    for path in (f"/socket.io/?EIO=3&transport=polling{query}", f"/socket.io/?EIO=9{query}", f"/nothing?token={secret}",
                 f"/socket.io/x?{query}", f"/api/users/name/x?token={secret}"):  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", alice.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            connection.getresponse().read()
    with alice.device("y") as device:
        device.socket.send(f'{{"event":"sendOffer","data":"{secret}"')
        device.told("error")
    for server in two.servers:
        log = server.log.read_text()
        assert secret not in log
        assert "token=" not in log
        assert "Traceback" not in log
    assert secret.encode() not in two.database.dump()


def test_a_redis_that_goes_away_closes_sockets_and_comes_back_without_a_restart(two, redis, pair):
    alice, bob = pair
    with alice.device("phone") as phone, bob.device("pc") as pc, socket_io(bob, "old") as old:
        redis.kill()
        assert [closed(socket) for socket in (phone.socket, pc.socket, old)] == [1012, 1012, 1012]
    assert alice.ask("GET", f"/api/users/name/{alice.username}").status == 200, "what needs no Redis goes on"
    redis.start()
    with came_again(alice, "phone") as phone, came_again(bob, "pc") as pc:
        assert phone.ask("requestOffers", {"users": [bob.username]}) == OK
        assert pc.told("requestOffer")["username"] == alice.username


@contextlib.contextmanager
def came_again(person: Person, device_id: str) -> Iterator[Device]:
    """As clients do: they try until they are let in."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with person.device(device_id) as device:
                yield device
                return
        except (AssertionError, ConnectionClosed):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
