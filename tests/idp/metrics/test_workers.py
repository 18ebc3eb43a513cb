"""Three worker processes behind one port, one of them killed."""

import http.client
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.idp.metrics.reading import number
from tests.live import Installation, running
from tests.live.redis_server import RedisServer
from tests.live.session import Client

pytestmark = pytest.mark.thorough
PATIENCE = 60.0  # seconds


@pytest.fixture
def installation() -> Iterator[Installation]:
    redis = RedisServer().start()
    try:
        with running(SERVER="uvicorn", WORKERS="3", REDIS_URL=redis.url) as found:
            yield found
    finally:
        redis.remove()


def scrape(installation: Installation) -> str:
    """One page, from whichever worker the kernel chooses."""
    connection = http.client.HTTPConnection("127.0.0.1", installation.server.port, timeout=PATIENCE)
    connection.request("GET", "/metrics")
    page = connection.getresponse().read().decode()
    connection.close()
    return page


def reaches(installation: Installation, wanted: dict[str, float]) -> bool:
    """Whether three pages in a row say so, in time; labels are those of the Session door."""
    deadline = time.monotonic() + PATIENCE
    in_a_row = 0
    while time.monotonic() < deadline:
        page = scrape(installation)
        found = {name: number(page, name, **_LABELS.get(name, {})) for name in wanted}
        in_a_row = in_a_row + 1 if found == wanted else 0
        if in_a_row == 3:
            return True
        time.sleep(0.2)
    return False


_LABELS = {"latchkey_logins_total": {"door": "session", "outcome": "success"}}


def test_one_port_shows_all_workers_and_a_killed_ones_counts_stay(installation: Installation) -> None:
    for _ in range(12):
        Client(installation.server.port).log_in()
    assert reaches(installation, {"latchkey_logins_total": 12, "latchkey_processes": 3})
    time.sleep(2.5)  # a worker writes its numbers once a second; what it had not written goes with it
    victim = _worker(installation)
    os.kill(victim, signal.SIGKILL)
    assert reaches(installation, {"latchkey_logins_total": 12, "latchkey_processes": 3}), "uvicorn starts another"
    for _ in range(3):
        Client(installation.server.port).log_in()
    assert reaches(installation, {"latchkey_logins_total": 15, "latchkey_processes": 3})


def _worker(installation: Installation) -> int:
    """A process that writes figures."""
    [folder] = (installation.folder / "figures").iterdir()
    return min(int(path.stem) for path in folder.glob("*.json"))
