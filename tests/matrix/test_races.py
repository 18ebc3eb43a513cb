"""What happens at the same moment: one side sees what the other did (R27, R29).

A second connection holds a row, so that the order is the worst one, not a lucky one: Postgres only. SQLite's write
transactions exclude each other.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.live import Installation, running
from tests.live.matrix import API, Answer, ask, log_in, new_name, proof, register, who_am_i
from tests.live.parallel import at_once

NEW = "another good password"
PATIENCE = 30.0


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with running(SERVER="uvicorn") as servers:
        yield servers


@pytest.fixture
def port(installation: Installation) -> int:
    return installation.server.port


class Begun:
    """A request that goes on in a thread."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self._answers: list[Answer] = []
        self._thread = threading.Thread(target=lambda: self._answers.append(call()), daemon=True)
        self._thread.start()

    def answer(self) -> Answer:
        self._thread.join(PATIENCE)
        return self._answers[0]


@pytest.fixture
def held_lists(installation: Installation) -> Iterator[Any]:
    """Nobody can issue anything while this transaction is open: every login waits where it has checked the password."""
    if not installation.database.is_postgres:
        pytest.skip("rows are held on Postgres only: set DATABASE_URL=postgres://…")
    with psycopg.connect(installation.database.url) as connection:
        connection.execute("INSERT INTO accounts_revision (name, number) VALUES ('rules', 1) ON CONFLICT DO NOTHING")
        connection.commit()
        connection.execute("SELECT * FROM accounts_revision WHERE name = 'rules' FOR UPDATE")
        yield connection
        connection.rollback()


def wait_for_a_waiter(installation: Installation) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + PATIENCE
    while installation.database.query(waiting) == [(0,)]:
        assert time.monotonic() < deadline, "nobody waits for the row"
        time.sleep(0.01)


def change_password(port: int, name: str, token: str) -> Answer:
    body = {"new_password": NEW, "auth": proof(name)}
    return ask(port, "POST", f"{API}/account/password", data=body, token=token)


def test_a_login_under_way_does_not_outlive_a_password_change(
    installation: Installation, port: int, held_lists: Any
) -> None:
    held_lists.rollback()
    name = new_name()
    token = register(port, name)["access_token"]
    held_lists.execute("SELECT * FROM accounts_revision WHERE name = 'rules' FOR UPDATE")
    login = Begun(lambda: ask(port, "POST", f"{API}/login", data=proof(name)))
    wait_for_a_waiter(installation)
    assert change_password(port, name, token).status == 200
    held_lists.rollback()
    assert login.answer().status == 403


def test_logins_with_the_old_password_beside_its_change_leave_no_living_token(port: int) -> None:
    for _ in range(3):
        name = new_name()
        token = register(port, name)["access_token"]
        calls: list[Callable[[], Answer]] = [lambda: change_password(port, name, token)]  # noqa: B023
        calls += [lambda: ask(port, "POST", f"{API}/login", data=proof(name))] * 5  # noqa: B023
        changed, *logins = at_once(calls)
        assert changed.status == 200
        opened = [answer.json["access_token"] for answer in logins if answer.status == 200]
        assert [who_am_i(port, secret) for secret in opened] == [401] * len(opened)


def test_a_refresh_beside_logout_everywhere_leaves_no_living_pair(port: int) -> None:
    for _ in range(10):
        name = new_name()
        token = register(port, name)["access_token"]
        secret = log_in(port, name, refresh_token=True)["refresh_token"]
        refreshed, ended = at_once(
            [
                lambda: ask(port, "POST", f"{API}/refresh", data={"refresh_token": secret}),  # noqa: B023
                lambda: ask(port, "POST", f"{API}/logout/all", token=token),  # noqa: B023
            ]
        )
        assert ended.status == 200
        if refreshed.status == 200:
            assert who_am_i(port, refreshed.json["access_token"]) == 401
            again = ask(port, "POST", f"{API}/refresh", data={"refresh_token": refreshed.json["refresh_token"]})
            assert again.status == 401
