"""Postgres goes away, hangs, refuses, and comes back (R57)."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.faults import figures
from tests.faults.load import STORAGE_DOWN, Load, wait_for
from tests.faults.servers import DAPHNE, WORKERS, served_by
from tests.live import Installation
from tests.live.matrix import API, ask, new_name, proof, register
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer
from tests.live.session import Client

pytestmark = pytest.mark.thorough

AWAY = 3.0  # seconds
FINE = {200, 503, STORAGE_DOWN}


@pytest.fixture(scope="module", params=[DAPHNE, WORKERS])
def installation(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, redis_server: RedisServer
) -> Iterator[Installation]:
    with served_by(request.param, postgres_server, redis_server) as found:
        found.environment["KIND"] = request.param
        yield found


@dataclass(frozen=True)
class Fault:
    """What is done to the server of the installation's database, and undone."""

    name: str
    begin: Callable[[PostgresServer, str], object]
    end: Callable[[PostgresServer, str], object]


def _refuse(server: PostgresServer, name: str) -> None:
    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    server.end_connections(name)


FAULTS = [
    Fault("Postgres killed", lambda server, _: server.kill(), lambda server, _: server.start()),
    Fault("Postgres frozen", lambda server, _: server.freeze(), lambda server, _: server.thaw()),
    Fault(
        "Postgres refuses",
        _refuse,
        lambda server, name: server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_while_it_is_away_503_and_after_that_the_next_request_works(
    installation: Installation, postgres: PostgresServer, fault: Fault
) -> None:
    server, name = installation.server, installation.database.name
    known = Client(server.port)
    token = known.log_in()
    with Load(server.port) as load:
        load.until(more=20)
        begun = time.monotonic()
        fault.begin(postgres, name)
        wait_for(lambda: server.status("/readyz") == 503)
        told_after = time.monotonic() - begun
        settled = time.monotonic()
        while time.monotonic() < begun + AWAY:
            assert server.status("/healthz") == 200
            answer = known.who_am_i(token)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        ended = time.monotonic()
        fault.end(postgres, name)
        assert known.who_am_i(token).status == 200, "the next request works"
        recovered = time.monotonic() - ended
        load.until(more=20)
        wait_for(lambda: server.status("/readyz") == 200)
    assert set(load.statuses()) <= FINE
    assert all(told.retry_after for told in load.told if told.status >= 500)
    assert not load.cut
    assert load.longest(since=begun) < 10.0, "R57 says two seconds; the machine may be busy"
    lost = load.lost()
    slowest, later = load.longest(begun, ended), load.longest(settled + 1.0, ended)
    figures.tell(
        fault.name,
        installation.environment["KIND"],
        acknowledged=len(load.acknowledged),
        lost=len(lost),
        recovered=recovered,
        meanwhile=f"503 with Retry-After after {slowest:.2f} s at the most, later {later:.2f} s; "
        f"/readyz 503 after {told_after:.2f} s, /healthz 200",
    )
    assert lost == []


def _restart(server: PostgresServer, _: str) -> None:
    server.stop()
    server.start()


CUTS = [
    ("Postgres restarted, 3 times", _restart),
    ("its connections ended by pg_terminate_backend, 3 times", lambda server, name: server.end_connections(name)),
]


@pytest.mark.parametrize(("name", "cut"), CUTS, ids=[name for name, _ in CUTS])
def test_connections_that_end_are_noticed_before_they_are_used(
    installation: Installation, postgres: PostgresServer, name: str, cut: Callable[[PostgresServer, str], object]
) -> None:
    server = installation.server
    known = Client(server.port)
    token = known.log_in()
    with Load(server.port) as load:
        for _ in range(3):
            load.until(more=10)
            cut(postgres, installation.database.name)
            assert known.who_am_i(token).status == 200, "the next request works"
        load.until(more=10)
        load.stop()
    assert set(load.statuses()) <= FINE
    assert not load.cut
    lost = load.lost()
    figures.tell(
        name,
        installation.environment["KIND"],
        acknowledged=len(load.acknowledged),
        lost=len(lost),
        meanwhile=f"{len(load.told) - load.statuses()[200]} of {len(load.told)} requests were under way and got 503, "
        "the next of everybody works",
    )
    assert lost == []


LOSING = """
CREATE SEQUENCE fault;
CREATE FUNCTION lose() RETURNS trigger AS $$ BEGIN
IF nextval('fault') <= {times} THEN RAISE EXCEPTION 'lost' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$
LANGUAGE plpgsql;
CREATE TRIGGER lose BEFORE INSERT ON accounts_token FOR EACH ROW EXECUTE FUNCTION lose();
"""
WELL_AGAIN = "DROP TRIGGER lose ON accounts_token; DROP FUNCTION lose; DROP SEQUENCE fault;"


@contextlib.contextmanager
def losing(server: PostgresServer, database: str, *, times: int, code: str) -> Iterator[None]:
    """So many transactions that make a token fail, as they do when another stands in their way."""
    server.execute(LOSING.format(times=times, code=code), database)
    try:
        yield
    finally:
        server.execute(WELL_AGAIN, database)


@pytest.mark.parametrize("code", ["40001", "40P01"], ids=["serialization failure", "deadlock"])
def test_a_transaction_that_loses_to_another_is_tried_three_times_more(
    installation: Installation, postgres: PostgresServer, code: str
) -> None:
    port, database = installation.server.port, installation.database.name
    person = new_name()
    register(port, person)
    for times, hot, plain in [(3, 200, 200), (4, STORAGE_DOWN, 503)]:
        client = Client(port)
        token = client.challenge()
        with losing(postgres, database, times=times, code=code):
            assert client.submit(token).status == hot
        assert client.who_am_i(token).status == (200 if hot == 200 else 401)
        with losing(postgres, database, times=times, code=code):
            assert ask(port, "POST", f"{API}/login", data=proof(person)).status == plain
        rows = f"SELECT count(*) FROM accounts_x25519key WHERE public_key LIKE '%{client.public_key[2:]}'"
        assert installation.database.query(rows) == [(int(hot == 200),)], "nothing is half-written"
    figures.tell(
        f"transactions that lose to others ({code})",
        installation.environment["KIND"],
        meanwhile="three in a row are tried again unseen; after the fourth 503",
    )
