"""kill -9 while people log in: of a server, of one worker of several, of the process that looks after them (R55)."""

import os
import signal
import time
from functools import partial

import pytest

from tests.faults import figures
from tests.faults.load import Load, wait_for
from tests.faults.servers import DAPHNE, UVICORN, WORKERS, served_by
from tests.live import Server, process
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer

pytestmark = pytest.mark.thorough

KILLS = 3
HALF_WRITTEN = """
SELECT count(*) FROM accounts_user u WHERE NOT EXISTS (SELECT 1 FROM accounts_x25519key k WHERE k.user_id = u.id)
OR NOT EXISTS (SELECT 1 FROM accounts_device d WHERE d.user_id = u.id)
OR NOT EXISTS (SELECT 1 FROM accounts_token t WHERE t.user_id = u.id AND t.device_id IS NOT NULL)
"""


@pytest.mark.parametrize("kind", [DAPHNE, UVICORN, WORKERS])
def test_what_was_acknowledged_survives_kill_9_and_the_next_start_needs_no_help(
    postgres: PostgresServer, redis: RedisServer, kind: str
) -> None:
    with served_by(kind, postgres, redis) as installation, Load(installation.server.port) as load:
        server, slowest = installation.server, 0.0
        for _ in range(KILLS):
            load.until(more=15)
            server.kill()
            begun = time.monotonic()
            server.start()
            slowest = max(slowest, time.monotonic() - begun)
        load.until(more=5)
        load.stop()
        lost = load.lost()
        figures.tell(
            f"kill -9, {KILLS} times",
            kind,
            acknowledged=len(load.acknowledged),
            lost=len(lost),
            recovered=slowest,
            meanwhile="connection refused; the time is of the slowest start",
        )
        assert lost == []
        assert set(load.statuses()) == {200}
        assert installation.database.query(HALF_WRITTEN) == [(0,)]


def test_one_worker_of_several_is_replaced_and_takes_only_its_own_requests_with_it(
    postgres: PostgresServer, redis: RedisServer
) -> None:
    with served_by(WORKERS, postgres, redis) as installation, Load(installation.server.port) as load:
        server = installation.server
        slowest = 0.0
        for _ in range(KILLS):
            load.until(more=15)
            killed, *_ = server.workers
            os.kill(killed, signal.SIGKILL)
            load.until(more=10)
            slowest = max(slowest, wait_for(partial(has_both, server, killed)))
        load.until(more=5)
        load.stop()
        lost = load.lost()
        assert lost == []
        assert set(load.statuses()) == {200}
        assert "ConnectionRefusedError" not in load.cut, "the port is never closed"
        assert load.cut.total() <= KILLS * 6, "no more than were under way"
        figures.tell(
            f"kill -9 of one worker, {KILLS} times",
            WORKERS,
            acknowledged=len(load.acknowledged),
            lost=len(lost),
            recovered=slowest,
            meanwhile=f"the other answers; {load.cut.total()} requests cut, one second until the next is begun",
        )


def has_both(server: Server, killed: int) -> bool:
    return len(set(server.workers) - {killed}) == 2


def test_workers_whose_supervisor_was_killed_go_down_in_order_and_leave_the_port_free(
    postgres: PostgresServer, redis: RedisServer
) -> None:
    with served_by(WORKERS, postgres, redis) as installation, Load(installation.server.port) as load:
        server = installation.server
        load.until(more=15)
        workers = server.workers
        assert len(workers) == 2
        server.abandon()
        gone = wait_for(lambda: not any(process.lives(worker) for worker in workers))
        server.start()
        load.until(more=10)
        load.stop()
        lost = load.lost()
        assert lost == []
        assert set(load.statuses()) == {200}
        figures.tell(
            "kill -9 of the supervisor alone",
            WORKERS,
            acknowledged=len(load.acknowledged),
            lost=len(lost),
            recovered=gone,
            meanwhile="its workers finish what they have begun and end; the time is until the port is free",
        )
