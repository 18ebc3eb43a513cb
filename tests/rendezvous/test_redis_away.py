"""Redis goes and comes back under two live processes: QR logins begin all the while (R58)."""

import time
from collections.abc import Iterator

import pytest

from tests.live import running
from tests.live.redis_server import RedisServer
from tests.rendezvous.live import Devices, Slot, patiently
from tests.rendezvous.slots import TEXT, UNSTABLE

pytestmark = pytest.mark.thorough
PATIENCE = 60.0


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.mark.parametrize("path", [TEXT, UNSTABLE])
def test_sessions_are_made_in_the_database_until_redis_is_back(redis: RedisServer, path: str) -> None:
    with running(count=2, REDIS_URL=redis.url) as installation:
        devices = Devices(installation)
        before = devices.created(path, "begin")
        assert before.id[1] == "r"

        redis.kill()
        for _ in range(2):  # at each process
            answer = before.read()
            assert answer.status == 503, answer
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.headers["access-control-allow-origin"] == "*"
        meanwhile = devices.created(path, "begin")
        assert meanwhile.id[1] == "d"
        works(meanwhile)

        redis.start()
        deadline = time.monotonic() + PATIENCE
        while (after := devices.created(path, "begin")).id[1] != "r":
            assert time.monotonic() < deadline, "Redis was never asked again"
            time.sleep(0.2)
        works(after)
        works(meanwhile)
        assert patiently(before.read).status == 404  # this Redis keeps nothing
        log = b"".join(server.log.read_bytes() for server in installation.servers)
        assert b"redis does not answer" in log
        assert all(slot.id.encode() not in log for slot in (before, meanwhile, after))


def works(slot: Slot) -> None:
    """One device writes, the other reads, each at another process."""
    text = f"text {time.monotonic()}"
    answer = patiently(lambda: slot.write(text))
    assert slot.won(answer), answer
    slot.token = slot.token_of(answer)
    assert slot.state() == (text, slot.token)
