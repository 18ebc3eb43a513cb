"""What guessers, events and watching have in common: each test begins with nothing counted."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine

from accounts import audit, failures, guessers, happenings, users
from accounts.models import User
from idp.environment import Rate

GUESSER = "198.51.100.7"


@pytest.fixture(autouse=True)
def nothing_counted(settings: Any) -> Iterator[None]:
    """Small numbers, so that a test is short; the process's own counts are a process's."""
    settings.GUESSER_RATE, settings.GUESSER_NETWORK_RATE = Rate(5, 3600), Rate(20, 3600)
    settings.GUESSER_NETWORK_ADDRESSES = 3
    settings.ATTACKED_ACCOUNT_ADDRESSES = 4
    settings.TRUSTED_PROXIES = settings.ADMIN_NETWORKS = settings.GUESSER_EXEMPT = []
    settings.RATE_LIMIT_SCALE = 1
    failures.take()
    happenings.queued.clear()
    yield
    failures.take()


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(datetime.now(UTC).replace(microsecond=0), tick=False) as traveller:
        yield traveller


@pytest.fixture
def fail(db: None) -> Callable[..., int]:
    """So many wrong secrets, written down."""

    def done(ip: str = GUESSER, times: int = 1, *, account: str = "alice", event: str = "login", **facts: Any) -> int:
        facts = {"flow": "" if event.startswith("admin") else "matrix", "reason": "credential-wrong", **facts}
        for _ in range(times):
            audit.record(event, outcome=audit.REFUSED, subject=account, ip=ip, **facts)
        return guessers.take_up()

    return done


@pytest.fixture
def alice(db: None) -> User:
    return users.create("alice", password="correct horse battery", email="alice@example.org")


def networks(*texts: str) -> list[Any]:
    return [ip_network(text) for text in texts]
