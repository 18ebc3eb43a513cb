"""A Postgres and a Redis of the tests' own."""

from collections.abc import Iterator

import pytest

from tests.live.postgres_server import PostgresServer
from tests.live.redis_server import RedisServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """Running when a test begins, and put right whatever the test has done to it."""
    yield postgres_server
    postgres_server.put_right()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    """As `postgres`."""
    yield redis_server
    redis_server.put_right()
