"""Clients that hold connections: heads that never end, bodies drop by drop, answers that nobody fetches (R42)."""

import contextlib
import socket
import statistics
import threading
import time

import pytest

from tests.faults import figures
from tests.faults.load import wait_for
from tests.faults.servers import DAPHNE, UVICORN
from tests.live import Installation, running
from tests.live.process import resident_bytes
from tests.live.session import Client

pytestmark = pytest.mark.thorough

HALF_OPEN = 200
ASKED = 150  # requests whose times are compared
DRIP = 1.0  # seconds between two bytes
PATIENCE = 60.0
HEAD = b"GET /loki/v1/get_challenge HTTP/1.1\r\nHost: a\r\nX: "
BODY = b"POST /loki/v1/submit_challenge HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"


class HalfOpen:
    """Connections that are given one byte now and then, until the server has had enough of each."""

    def __init__(self, port: int, count: int, beginnings: tuple[bytes, ...]) -> None:
        self.alive = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(count)]
        self.answers: list[bytes] = []
        for number, one in enumerate(self.alive):
            one.sendall(beginnings[number % len(beginnings)])
            one.setblocking(False)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._drip, daemon=True)
        self._thread.start()

    def __enter__(self) -> "HalfOpen":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(PATIENCE)
        for one in self.alive:
            one.close()

    def _drip(self) -> None:
        while not self._over.wait(DRIP):
            for one in list(self.alive):
                try:
                    one.send(b"a")
                    answer = one.recv(200)
                except BlockingIOError:  # nothing is said yet
                    continue
                except OSError:
                    answer = b""
                self.answers.append(answer)
                self.alive.remove(one)
                one.close()


def p95(client: Client, token: str) -> float:
    """Milliseconds within which nineteen of twenty answers came."""
    times = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        assert client.who_am_i(token).status == 200
        times.append(time.perf_counter() - begun)
    return statistics.quantiles(times, n=20)[-1] * 1000


@pytest.mark.parametrize("kind", [DAPHNE, UVICORN])
def test_two_hundred_half_open_connections_harm_nobody_and_are_closed(kind: str) -> None:
    with running(SERVER=kind) as installation:
        port = installation.server.port
        client = Client(port)
        token = client.log_in()
        p95(client, token)
        idle = p95(client, token)
        begun = time.monotonic()
        with HalfOpen(port, HALF_OPEN, (HEAD, BODY, b"G", b"")) as clients:
            meanwhile = p95(client, token)
            wait_for(lambda: not clients.alive, lambda: f"{len(clients.alive)} are still open")
            took = time.monotonic() - begun
            statuses = {answer.split()[1] for answer in clients.answers if answer}
        assert statuses <= {b"400", b"408"}, statuses  # 400: one whose first byte was not the beginning of a request
        assert client.who_am_i(token).status == 200
        figures.tell(
            f"{HALF_OPEN} half-open connections, a byte a second",
            f"{kind}, SQLite",
            meanwhile=f"p95 of others {meanwhile:.1f} ms, before {idle:.1f} ms ({meanwhile / idle:.1f} times); "
            f"all closed, the last after {took:.0f} s",
        )


@pytest.mark.parametrize("kind", [DAPHNE, UVICORN])
def test_clients_that_ask_and_never_fetch_the_answers_cost_little_memory(kind: str) -> None:
    with running(SERVER=kind) as installation, contextlib.ExitStack() as stack:
        port = installation.server.port
        client = Client(port)
        token = client.log_in()
        before = resident(installation)
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in range(20):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", port))
            one.setblocking(False)
            with contextlib.suppress(OSError):
                for _ in range(2000):
                    one.send(request)
        time.sleep(2.0)
        assert client.who_am_i(token).status == 200
        grown = (resident(installation) - before) / 1_048_576
        assert grown < 60, "20 clients"
        figures.tell(
            "20 clients that ask and never read", f"{kind}, SQLite", meanwhile=f"{max(grown, 0):.0f} MiB of memory"
        )


def resident(installation: Installation) -> int:
    return resident_bytes(installation.server.pid)
