"""Servers that tell the stand-in by themselves: at once, after a crash, two of them at the same time."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.homeserver.synapse import SECRET, StandIn, serving
from tests.live import Installation, running
from tests.live.matrix import API, ask, log_in, new_name, register, who_am_i
from tests.live.parallel import at_once

pytestmark = pytest.mark.thorough

_PATIENCE = 60.0


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def synapse() -> Iterator[StandIn]:
    with serving() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def installation(synapse: StandIn) -> Iterator[Installation]:
    settings: dict[str, Any] = {"MATRIX_HOMESERVER_URL": synapse.url, "MATRIX_HOMESERVER_SECRET": SECRET}
    with running(count=2, SERVER="uvicorn", **settings) as found:
        yield found


def log_out(port: int, session: dict[str, Any]) -> None:
    assert ask(port, "POST", f"{API}/logout", token=session["access_token"]).status == 200


def test_an_end_is_told_by_itself(installation: Installation, synapse: StandIn) -> None:
    port, name = installation.server.port, new_name()
    register(port, name, device_id="PHONE")
    session = log_in(port, name)
    assert synapse.devices(name) == {"PHONE", session["device_id"]}
    log_out(port, session)
    until(lambda: synapse.devices(name) == {"PHONE"}, "the device is gone")


def test_sessions_opened_and_ended_at_once_are_the_same_on_both_sides(
    installation: Installation, synapse: StandIn
) -> None:
    name = new_name()
    ports = [server.port for server in installation.servers]
    register(ports[0], name, inhibit_login=True)
    sessions: list[dict[str, Any]] = []

    def in_and_out(number: int) -> None:
        session = log_in(ports[number % 2], name, device_id=f"D{number % 3}")
        sessions.append(session)
        if number % 2:
            ask(ports[(number + 1) % 2], "POST", f"{API}/logout", token=session["access_token"])

    at_once([partial(in_and_out, number) for number in range(12)])
    waiting = "SELECT count(*) FROM accounts_homeservertask"
    until(lambda: installation.database.query(waiting) == [(0,)], "nothing waits")
    alive = {one["device_id"] for one in sessions if who_am_i(ports[0], one["access_token"]) == 200}
    assert synapse.devices(name) >= alive  # a session whose device is missing there would be dead
    known = (
        f"SELECT device_id FROM accounts_device d JOIN accounts_user u ON u.id = d.user_id WHERE username = '{name}'"
    )
    assert synapse.devices(name) == {device for (device,) in installation.database.query(known)}


def test_an_end_outlives_the_process(installation: Installation, synapse: StandIn) -> None:
    first, name = installation.servers[0], new_name()
    session = register(first.port, name)
    synapse.fails["delete_device"] = (503, {})
    log_out(first.port, session)
    for server in installation.servers:
        server.kill()
    assert synapse.devices(name) == {session["device_id"]}
    synapse.fails.clear()
    first.start()
    until(lambda: synapse.devices(name) == set(), "the device is gone")
