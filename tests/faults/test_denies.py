"""A deny that is saved through one process ends a live token and a live socket in another (R49; proof 3)."""

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.faults import figures
from tests.faults.load import wait_for
from tests.faults.servers import DAPHNE, served_by
from tests.live import Installation
from tests.live.admin import Administrator
from tests.live.laverna import Person
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer

pytestmark = pytest.mark.thorough

PATIENCE = 60.0
GENEROUS = 15.0  # seconds; the requirement is one, and the machine may be busy
NAME, PASSWORD = "ada", "correct horse battery staple"
DENIED, COME_AGAIN = 4403, 1012


@pytest.fixture(scope="module")
def installation(postgres_server: PostgresServer, redis_server: RedisServer) -> Iterator[Installation]:
    with served_by(DAPHNE, postgres_server, redis_server, count=2) as found:
        found.manage("users", "create", NAME, "--admin", "--password-stdin", typed=PASSWORD + "\n")
        yield found


def _restart(redis: RedisServer) -> None:
    redis.kill()
    redis.start()


CASES: list[tuple[str, Callable[[RedisServer], object], set[int]]] = [
    ("", lambda _: None, {DENIED}),
    (", Redis hangs", RedisServer.freeze, {DENIED}),
    (", Redis restarts", _restart, {DENIED, COME_AGAIN}),
    (", Redis killed", RedisServer.kill, {DENIED, COME_AGAIN}),
]


@pytest.mark.parametrize(("case", "happens", "codes"), CASES, ids=[name or "all is well" for name, *_ in CASES])
def test_tokens_and_sockets_end_in_the_other_process_within_a_second(
    installation: Installation, redis: RedisServer, case: str, happens: Callable[[RedisServer], object], codes: set[int]
) -> None:
    here, there = (server.port for server in installation.servers)
    staff = Administrator(here).sign_in(NAME, PASSWORD)
    with contextlib.ExitStack() as stack:
        bob = came_in(stack, there)
        phone = stack.enter_context(bob.device("phone"))
        assert bob.ask("GET", "/api/me", token=bob.token).status == 200
        happens(redis)
        begun = time.monotonic()
        assert staff.deny(bob.username).status == 302
        saved = time.monotonic()
        wait_for(lambda: bob.ask("GET", "/api/me", token=bob.token).status == 401)
        token_ended = time.monotonic() - saved
        try:
            while True:
                phone.socket.recv(PATIENCE)
        except ConnectionClosed as end:
            code = end.rcvd.code if end.rcvd else 0
        socket_ended = time.monotonic() - saved
    assert code in codes
    assert token_ended < GENEROUS
    assert socket_ended < GENEROUS
    assert bob.ask("GET", f"/api/token/{bob.username}").status == 404, "and he does not come in again"
    figures.tell(
        f"deny saved in another process{case}",
        f"2 x {DAPHNE}",
        meanwhile=f"its token ended {token_ended:.2f} s, its socket {max(0.0, socket_ended):.2f} s after the answer "
        f"to the administrator, which took {saved - begun:.2f} s",
    )


def came_in(stack: contextlib.ExitStack, port: int) -> Person:
    """Somebody whose sockets are let in: the bus of an earlier case may be on its way back."""
    bob = Person(port).signed_in()

    def is_let_in() -> bool:
        try:
            with bob.device("first"):
                return True
        except (AssertionError, ConnectionClosed):
            return False

    wait_for(is_let_in)
    return bob
