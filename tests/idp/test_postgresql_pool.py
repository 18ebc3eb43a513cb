"""The pool of Postgres connections, over connections that need no Postgres (R57)."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from idp.postgresql import watch
from idp.postgresql.pool import Pool

PATIENCE = 60.0  # seconds


class Connection:
    """What a pool asks of a connection."""

    def __init__(self) -> None:
        self.used_at, self.ends_at, self.patience = time.monotonic(), time.monotonic() + 3600, None
        self.pgconn = SimpleNamespace(transaction_status=TransactionStatus.IDLE)
        self.quiet, self.closed = True, False
        self.waits_since = 0.0
        self.was_cut = threading.Event()

    def is_quiet(self) -> bool:
        return self.quiet and not self.closed

    def waited(self, moment: float) -> float:
        return moment - self.waits_since if self.waits_since else 0.0

    def cut(self) -> None:
        self.was_cut.set()

    def close(self) -> None:
        self.closed = True


class Server:
    """Makes connections, or refuses, or says nothing."""

    def __init__(self) -> None:
        self.made: list[Connection] = []
        self.refuses = False
        self.speaks = threading.Event()
        self.speaks.set()

    def connect(self) -> Any:
        assert self.speaks.wait(PATIENCE)
        if self.refuses:
            raise psycopg.OperationalError("connection refused")
        self.made.append(Connection())
        return self.made[-1]


@pytest.fixture(autouse=True)
def nobody_is_suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine even these connections take a while; tests of the watch say what is too long."""
    monkeypatch.setattr(watch, "SUSPICION", 3600.0)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def pool(server: Server) -> Iterator[Pool]:
    made = Pool(server.connect, most=2, timeout=PATIENCE)
    yield made
    server.speaks.set()
    made.close()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def test_the_connection_used_last_is_taken_first_and_none_is_made_without_need(server, pool):
    first, second = pool.getconn(), pool.getconn()
    pool.putconn(first)
    pool.putconn(second)
    assert pool.getconn() is second
    assert pool.figures() == {"most": 2, "open": 2, "idle": 1, "waiting": 0}
    assert len(server.made) == 2


def test_who_waits_gets_what_comes_back_in_the_order_of_asking(server, pool):
    taken = [pool.getconn(), pool.getconn()]
    with ThreadPoolExecutor(2) as threads:
        waiting = []
        for number in range(2):
            waiting.append(threads.submit(pool.getconn))
            wait_for(lambda number=number: pool.figures()["waiting"] == number + 1)
        for one in taken:
            pool.putconn(one)
        assert [asked.result(PATIENCE) for asked in waiting] == taken
    assert len(server.made) == 2


def test_one_who_waited_too_long_is_told_and_leaves_nothing_behind(pool):
    taken, _ = pool.getconn(), pool.getconn()
    pool._timeout = 0.05
    with pytest.raises(psycopg.OperationalError, match="in time"):
        pool.getconn()
    assert pool.figures()["waiting"] == 0
    pool.putconn(taken)
    assert pool.getconn() is taken


def test_connections_that_the_server_has_ended_are_replaced_before_anybody_uses_them(pool):
    taken = [pool.getconn(), pool.getconn()]
    for one in taken:
        pool.putconn(one)
        one.quiet = False  # the server's good-bye lies there
    fresh = pool.getconn()
    assert fresh not in taken
    assert all(one.closed for one in taken)
    assert pool.figures()["open"] == 1


@pytest.mark.parametrize("state", [TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.UNKNOWN])
def test_a_connection_in_a_transaction_or_broken_is_not_handed_on(pool, state):
    one = pool.getconn()
    one.pgconn.transaction_status = state
    pool.putconn(one)
    assert one.closed
    assert pool.getconn() is not one


def test_connections_end_with_their_time_and_unused_ones_let_the_pool_shrink(pool):
    old, unused, other = pool.getconn(), pool.getconn(), None
    old.ends_at = 0.0
    pool.putconn(old)
    assert old.closed
    other = pool.getconn()
    pool.putconn(unused)
    unused.used_at -= 10_000.0
    pool.putconn(other)
    assert unused.closed
    assert not other.closed


def test_a_server_that_refuses_is_told_at_once_and_the_next_to_ask_after_its_return_is_served(server, pool):
    server.refuses = True
    begun = time.monotonic()
    for _ in range(3):
        with pytest.raises(psycopg.OperationalError, match="refused"):
            pool.getconn()
    assert time.monotonic() - begun < PATIENCE, "nobody waited for a connection that could not come"
    server.refuses = False
    assert pool.getconn() is server.made[0]


def test_while_others_use_connections_a_refusal_costs_nobody_its_turn(server, pool):
    taken = pool.getconn()
    server.refuses = True
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.getconn)
        wait_for(lambda: pool.figures()["waiting"] == 1 and not pool._making)
        pool.putconn(taken)
        assert waiting.result(PATIENCE) is taken


def test_a_server_that_says_nothing_is_found_waits_are_ended_and_all_works_when_it_speaks(server, pool, monkeypatch):
    stuck = pool.getconn()
    server.speaks.clear()
    monkeypatch.setattr(watch, "SUSPICION", 0.1)
    stuck.waits_since = time.monotonic()
    assert stuck.was_cut.wait(PATIENCE)
    assert pool.watch.is_away
    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        pool.getconn()
    stuck.waits_since = 0.0
    monkeypatch.setattr(watch, "SUSPICION", 3600.0)
    server.speaks.set()
    wait_for(lambda: not pool.watch.is_away)
    assert pool.getconn() is not stuck


def test_a_slow_statement_of_a_server_that_speaks_is_left_alone(server, pool, monkeypatch):
    monkeypatch.setattr(watch, "TRIAL", PATIENCE)
    slow = pool.getconn()
    monkeypatch.setattr(watch, "SUSPICION", 0.1)
    slow.waits_since = time.monotonic()
    wait_for(lambda: len(server.made) >= 4)  # trials, each of which succeeded
    assert not slow.was_cut.is_set()
    assert not pool.watch.is_away


def test_who_waits_for_a_connection_that_nobody_answers_is_told(server, pool, monkeypatch):
    server.speaks.clear()
    monkeypatch.setattr(watch, "SUSPICION", 0.1)
    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        pool.getconn()
