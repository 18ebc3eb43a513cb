"""Redis goes away, hangs, and comes back (R40, R58)."""

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.faults import figures
from tests.faults.load import Load, wait_for
from tests.faults.servers import DAPHNE, WORKERS, served_by
from tests.live import Installation
from tests.live.laverna import Device, Person
from tests.live.matrix import API, ask, log_in, new_name, proof, register
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer

pytestmark = pytest.mark.thorough

AWAY = 3.0  # seconds
PATIENCE = 60.0
OK = {"ok": True}
Do = Callable[[RedisServer], object]
FAULTS: list[tuple[str, Do, Do]] = [
    ("Redis killed", RedisServer.kill, RedisServer.start),
    ("Redis frozen", RedisServer.freeze, RedisServer.thaw),
]


@pytest.fixture(scope="module", params=[DAPHNE, WORKERS])
def installation(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[Installation]:
    with served_by(request.param, postgres_server, redis_server) as found:
        found.environment["KIND"] = request.param
        yield found


@pytest.mark.parametrize(("name", "begin", "end"), FAULTS, ids=[name for name, *_ in FAULTS])
def test_doors_stay_open_sockets_come_again_and_nothing_has_to_be_restarted(
    installation: Installation, redis: RedisServer, name: str, begin: Do, end: Do
) -> None:
    server = installation.server
    alice, bob = Person(server.port).signed_in(), Person(server.port).signed_in()
    with alice.device("phone") as phone, bob.device("pc") as pc, Load(server.port) as load:
        load.until(more=10)
        begun = time.monotonic()
        begin(redis)
        assert [closed(device) for device in (phone, pc)] == [1012, 1012]
        sockets_closed = time.monotonic() - begun
        wait_for(lambda: server.status("/readyz") == 503)
        assert server.status("/healthz") == 200
        while time.monotonic() < begun + AWAY:
            load.until(more=1)
        person = new_name()
        register(server.port, person)
        log_in(server.port, person)
        ended = time.monotonic()
        end(redis)
        with came_again(alice, "phone") as again, came_again(bob, "pc") as other:
            assert again.ask("requestOffers", {"users": [bob.username]}) == OK
            assert other.told("requestOffer")["username"] == alice.username
        recovered = time.monotonic() - ended
        wait_for(lambda: server.status("/readyz") == 200)
        load.until(more=10)
        load.stop()
    assert set(load.statuses()) == {200}
    assert not load.cut
    lost = load.lost()
    figures.tell(
        name,
        installation.environment["KIND"],
        acknowledged=len(load.acknowledged),
        lost=len(lost),
        recovered=recovered,
        meanwhile=f"logins go on, the slowest answer {load.longest(begun, ended):.2f} s; sockets closed with 1012 "
        f"after {sockets_closed:.2f} s; the time is until one message went from socket to socket",
    )
    assert lost == []


def test_without_redis_each_process_allows_half_and_with_it_they_count_together(
    postgres: PostgresServer, redis: RedisServer
) -> None:
    rates = {"RATE_LIMIT_SCALE": "1", "PASSWORD_FAILURE_RATE": "8/3600"}
    with served_by(DAPHNE, postgres, redis, count=2, settings=rates) as installation:
        first, second = (server.port for server in installation.servers)
        together, apart = new_name(), new_name()
        register(first, together)
        register(second, apart)
        wrong = [wrong_passwords(port, together, 6) for port in (first, second)]
        assert wrong == [6, 2], "one allowance of eight for both"
        redis.kill()
        assert [wrong_passwords(port, apart, 9) for port in (first, second)] == [4, 4]
        redis.start()
        wait_for(lambda: installation.server.status("/readyz") == 200)
        figures.tell(
            "Redis killed: limits",
            f"2 x {DAPHNE}",
            meanwhile="8 wrong passwords allowed with it, 4 in each process without",
        )


def wrong_passwords(port: int, name: str, tries: int) -> int:
    """How many of so many wrong passwords were looked at, before the answer was "later"."""
    statuses = [
        ask(port, "POST", f"{API}/login", data=proof(name) | {"password": "wrong"}).status for _ in range(tries)
    ]
    assert set(statuses) <= {403, 429}
    return statuses.count(403)


def closed(device: Device) -> int | None:
    """The code that its socket is closed with."""
    try:
        while True:
            device.socket.recv(PATIENCE)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


@contextlib.contextmanager
def came_again(person: Person, device_id: str) -> Iterator[Device]:
    """As clients do: they try until they are let in."""
    deadline = time.monotonic() + PATIENCE
    with contextlib.ExitStack() as stack:
        while True:
            try:
                device = stack.enter_context(person.device(device_id))
                break
            except (AssertionError, ConnectionClosed):
                assert time.monotonic() < deadline, "the socket was never let in again"
                time.sleep(0.1)
        yield device
