"""The disk of SQLite, of the mails and of the log is full, and then it is not."""

import sqlite3
import time
from contextlib import closing

import pytest

from tests.faults import figures
from tests.faults.load import STORAGE_DOWN, Load, wait_for
from tests.faults.servers import DAPHNE, UVICORN
from tests.faults.small_disk import small_disk
from tests.live import running
from tests.live.matrix import API, ask, new_name, registration
from tests.live.session import Client

pytestmark = pytest.mark.thorough

FULL = 3.0  # seconds
HALF_WRITTEN = """
SELECT count(*) FROM accounts_user u WHERE NOT EXISTS (SELECT 1 FROM accounts_x25519key k WHERE k.user_id = u.id)
OR NOT EXISTS (SELECT 1 FROM accounts_device d WHERE d.user_id = u.id)
OR NOT EXISTS (SELECT 1 FROM accounts_token t WHERE t.user_id = u.id AND t.device_id IS NOT NULL)
"""


@pytest.mark.parametrize("kind", [DAPHNE, UVICORN])
def test_what_cannot_be_kept_is_not_acknowledged_and_space_is_all_that_is_needed(kind: str) -> None:
    with small_disk(24) as disk, running(within=disk.folder, SERVER=kind) as installation:
        server = installation.server
        known = Client(server.port)
        token = known.log_in()
        with Load(server.port) as load:
            load.until(more=30)
            disk.fill()
            begun = time.monotonic()
            wait_for(lambda: load.statuses(since=begun)[STORAGE_DOWN] > 3)
            while time.monotonic() < begun + FULL:
                assert known.who_am_i(token).status == 200, "what only reads goes on"
                assert server.status("/healthz") == 200
                refused = ask(server.port, "POST", f"{API}/register", data=registration(new_name()))
                assert (refused.status, refused.headers["Retry-After"]) == (503, "2"), refused
            acknowledged_full = sum(
                told.status == 200 and told.what == "submit" and told.at > begun for told in load.told
            )
            ended = time.monotonic()
            disk.free()
            load.until(more=10)
            recovered = time.monotonic() - ended
            load.stop()
        assert set(load.statuses()) == {200, STORAGE_DOWN}
        assert all(told.retry_after for told in load.told if told.status == STORAGE_DOWN)
        assert not load.cut
        lost = load.lost()
        server.restart()
        assert lost == load.lost() == []
        assert installation.database.query(HALF_WRITTEN) == [(0,)]
        with closing(sqlite3.connect(installation.database.file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        figures.tell(
            "disk full",
            f"{kind}, SQLite",
            acknowledged=len(load.acknowledged),
            lost=len(lost),
            recovered=recovered,
            meanwhile="writes 503 with Retry-After (Session: 500), reads 200; "
            f"{acknowledged_full} logins still fitted; the time is until ten people have logged in",
        )
