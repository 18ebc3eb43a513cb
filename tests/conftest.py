"""What every test stands on: one client that goes through the whole application, as a server would."""

import asyncio
import os
import secrets
from asyncio import events
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.asgi_client import Client


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Five minutes are what a person waits for; what needs more is run before a commit lands."""
    if config.getoption("markexpr"):
        return
    if os.environ.get("THOROUGH") == "1":  # all but the faults, which `python -m tests.faults` does to live servers
        left_out = [item for item in items if item.path.parent.name == "faults"]
    else:
        left_out = [item for item in items if item.get_closest_marker("thorough") or item.path.parent.name == "browser"]
    if left_out and len(left_out) < len(items):  # not where somebody asks for just these
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


async def _call_here(self: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
    """Stands for a pool's thread: runs a service in the test's thread, so inside the test's transaction."""
    loop = asyncio.get_running_loop()
    events._set_running_loop(None)  # Django keeps another connection for code below a running loop
    try:
        return function(*args, **kwargs)
    finally:
        events._set_running_loop(loop)


@pytest.fixture(autouse=True)
def own_process_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits and remembered rules are a process's: each test begins without. No server thread runs beside it."""
    from accounts import aio, hash_kinds, mail, policy, quick_look, recent, throttle
    from devicelogin.rendezvous import store_redis
    from idp import background, probes, request_log

    monkeypatch.setattr(aio.Pool, "call", _call_here)
    monkeypatch.setattr(aio, "close_old_connections", lambda: None)
    for signal in (request_started, request_finished):  # a test's transaction outlives its requests
        signal.disconnect(close_old_connections)
    monkeypatch.setattr(background, "_started", True)
    monkeypatch.setattr(request_log, "put", lambda line: None)
    probes.forget()
    for module in (throttle, store_redis):  # Redis outlives a test
        monkeypatch.setattr(module, "_NAMESPACE", f"test:{secrets.token_hex(8)}")
    monkeypatch.setattr(quick_look, "one", lambda *_, **__: None)  # reads past the test's transaction
    monkeypatch.setattr(recent, "put", lambda *_, **__: None)  # a test's transaction is never committed
    recent.forget()
    throttle.forget()
    policy.forget()
    mail.forget()
    hash_kinds.samples.forget()
    yield
    policy.forget()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def password_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost nothing, for half of the suite's time went into them; `real_hashes` gives the real ones back.
    Live servers have the real ones."""
    from accounts.hashers import Argon2id

    if "real_hashes" not in request.fixturenames:
        monkeypatch.setattr(Argon2id, "time_cost", 1)
        monkeypatch.setattr(Argon2id, "memory_cost", 64)


@pytest.fixture
def real_hashes(password_hashes: None) -> None:
    """For tests of what a hash is, or costs. What was remembered of the cheap ones is forgotten."""
    from accounts import hash_kinds, passwords

    passwords._dummy.cache_clear()
    hash_kinds.samples.forget()


@pytest.fixture
def standing_clock() -> Iterator[None]:
    """No time passes, so that no allowance is refilled while a busy machine works through the requests of a test.

    It stands a little later than now: whatever fixtures took from an allowance is refilled.
    """
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=2), tick=False):
        yield


@pytest.fixture
def client() -> Iterator[Client]:
    """An HTTP client of the application, in the test's own transaction."""
    loop = asyncio.new_event_loop()
    yield Client(loop)
    loop.close()
