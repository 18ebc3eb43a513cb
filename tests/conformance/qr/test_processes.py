"""Several processes: a session made in one is read in another, and so is everything else a login stands on."""

import os
from collections.abc import Iterator

import psycopg
import pytest
import redis

from tests.conformance.qr.logins import pair_at
from tests.conformance.qr.qr_code import EXISTING, NEW
from tests.conformance.qr.site import Site, serving, stores
from tests.conformance.qr.test_js_sdk import told

pytestmark = pytest.mark.thorough

POSTGRES = os.environ.get("CI_POSTGRES", "postgres://postgres@127.0.0.1:5432") + "/postgres"
REDIS = os.environ.get("CI_REDIS", "redis://127.0.0.1:6379/9")


def _answer() -> bool:
    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
        redis.Redis.from_url(REDIS, socket_connect_timeout=3).ping()
    except (psycopg.Error, redis.RedisError):
        return False
    return True


def _two_servers() -> Iterator[Site]:
    """On one database; the proxy takes turns, so that no two requests in a row come to the same process."""
    with serving(count=2) as site:
        yield site


def _two_workers() -> Iterator[Site]:
    """Behind one port, as `SERVER=uvicorn WORKERS=2` is run; the system decides which takes a connection."""
    if not _answer():
        pytest.skip("needs Postgres and Redis for WORKERS=2: start them, or name them in CI_POSTGRES and CI_REDIS")
    with stores(DATABASE_URL=POSTGRES, REDIS_URL=REDIS), serving(SERVER="uvicorn", WORKERS="2") as site:
        yield site


@pytest.fixture(scope="module", params=[_two_servers, _two_workers], ids=["servers", "workers"])
def processes(request: pytest.FixtureRequest) -> Iterator[Site]:
    yield from request.param()


def test_matrix_js_sdk_never_notices(processes: Site, subtests: pytest.Subtests) -> None:
    told(subtests, processes, "whole", "refused", least=12)


@pytest.mark.parametrize("form", ["2024", "current"])
@pytest.mark.parametrize("shown_by", [EXISTING, NEW])
async def test_the_own_client_never_notices(processes: Site, form: str, shown_by: str) -> None:
    """Every step; reads without a pause in which anything could settle."""
    pair = pair_at(processes, form, shown_by, pause=0)
    done = await pair.run()
    assert done.user_id == f"@{pair.person.name}:example.org"
    assert len([one for one in pair.new.line.seen if "rendezvous" in one.path]) >= 6
