"""The kinds of servers that faults are done to."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from tests.live import Installation, running
from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer

DAPHNE = "daphne"
UVICORN = "uvicorn"
WORKERS = "uvicorn, 2 workers"
_SETTINGS = {
    DAPHNE: {"SERVER": "daphne"},
    UVICORN: {"SERVER": "uvicorn"},
    WORKERS: {"SERVER": "uvicorn", "WORKERS": "2"},
}


def served_by(
    kind: str,
    postgres: PostgresServer,
    redis: RedisServer | None = None,
    *,
    count: int = 1,
    settings: Mapping[str, str] | None = None,
) -> AbstractContextManager[Installation]:
    """`count` servers of a kind on these stores."""
    stores = {"REDIS_URL": redis.url} if redis else {}
    chosen: dict[str, Any] = {**_SETTINGS[kind], **stores, **(settings or {})}
    return running(count=count, postgres=postgres.url(), **chosen)
