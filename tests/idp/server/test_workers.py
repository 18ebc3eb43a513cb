"""`SERVER=uvicorn WORKERS=2`: several processes behind one port."""

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator

import pytest
import redis

from tests.live import Installation, process, running
from tests.live.matrix import ask

pytestmark = pytest.mark.thorough

REDIS = os.environ.get("REDIS_URL") or os.environ.get("CI_REDIS", "redis://127.0.0.1:6379/9")
_PATIENCE = 60.0  # seconds


@pytest.fixture
def installation() -> Iterator[Installation]:
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=3).ping()
    except redis.RedisError:
        pytest.skip("needs Redis for WORKERS=2: start it, or name it in CI_REDIS")
    with running(SERVER="uvicorn", WORKERS="2", REDIS_URL=REDIS) as found:
        yield found


def workers(installation: Installation) -> list[int]:
    """The processes that answer: uvicorn's first child of all keeps count of what they share."""
    [head, *children] = installation.server.pids
    return [pid for pid in children if process.resident_bytes(pid) > process.resident_bytes(head) // 2]


def test_workers_answer_are_replaced_and_stop_in_order(installation: Installation) -> None:
    server = installation.server
    assert ask(server.port, "GET", "/_matrix/client/versions").status == 200
    assert refused_as_the_owner_of_the_path_says(server.port)
    before = workers(installation)
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE
    while len(now := workers(installation)) < 2 or before[0] in now:
        assert time.monotonic() < deadline, "no new worker came"
        time.sleep(0.1)
    while any(server.status("/readyz") != 200 for _ in range(20)):
        assert time.monotonic() < deadline, "the new worker does not answer"
        time.sleep(0.1)
    assert server.stop() == 0


def refused_as_the_owner_of_the_path_says(port: int) -> bool:
    """What a worker's HTTP protocol refuses before there is an application."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    connection.request("GET", "/_matrix/client/v3/" + "x" * 9000)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status == 414 and set(told) == {"errcode", "error"}
