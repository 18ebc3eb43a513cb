"""Many at once against a live server: R15, websocket-otp.md §2. On SQLite, or the Postgres that DATABASE_URL names."""

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.conformance.otp.person import BROWSER, FAKE, PASSWORD, SYSTEM, Person
from tests.live import Installation, running
from tests.live.parallel import PATIENCE, at_once

MANY = 50
_MAKE = f"""
from accounts import users
for number in range(8):
    users.create(f"racer{{number}}", email=f"racer{{number}}@example.org", password={PASSWORD!r})
"""


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """Hashes wait for each other: fifty at once must all get their turn here."""
    with running(PASSWORD_HASHERS_AT_ONCE="16", SOCKET_THREADS="16") as found:
        found.manage("shell", "-c", _MAKE)
        yield found


@pytest.fixture
def sockets(installation: Installation) -> Iterator[list[ClientConnection]]:
    """Open before anything is asked, so that the questions alone race."""
    url = f"ws://127.0.0.1:{installation.server.port}/ws/login/"
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(url, compression=None, open_timeout=PATIENCE)) for _ in range(MANY)]


def asked(socket: ClientConnection, event: str, data: object) -> Any:
    socket.send(json.dumps({"event": event, "data": data}))
    return json.loads(socket.recv(PATIENCE))["data"]


def racer(installation: Installation, number: int, socket: ClientConnection) -> Person:
    return Person(installation, partial(asked, socket), f"racer{number}")


def test_of_fifty_right_codes_at_once_one_signs_in(installation: Installation, sockets: list[ClientConnection]) -> None:
    person = racer(installation, 0, sockets[0])
    token = person.token()
    code = person.codes()[0]
    data = {"otp": code, "token": token, "browser": BROWSER, "os": SYSTEM}
    answers = at_once([partial(asked, socket, "confirm_token", data) for socket in sockets])
    codes = [answer["code"] for answer in answers]
    assert codes.count("1104") == 1
    assert set(codes) <= {"1104", "1101", "1102"}
    assert sum("access" in answer for answer in answers) == 1
    ((remembered,),) = installation.database.query("SELECT count(*) FROM accounts_token WHERE kind = 'remembered'")
    assert remembered == 1
    assert person.confirm(token, FAKE)["code"] == "1103"


def test_of_fifty_wrong_codes_at_once_five_are_compared(
    installation: Installation, sockets: list[ClientConnection]
) -> None:
    person = racer(installation, 1, sockets[0])
    token = person.token()
    right = person.codes()[0]
    guesses = [str((int(right) + step) % 10**6).zfill(6) for step in range(1, MANY + 1)]
    data = {"token": token, "browser": BROWSER, "os": SYSTEM}
    pairs = zip(sockets, guesses, strict=True)
    answers = at_once([partial(asked, socket, "confirm_token", {**data, "otp": guess}) for socket, guess in pairs])
    codes = [answer["code"] for answer in answers]
    assert codes.count("1103") == 5
    assert codes.count("1102") == MANY - 5
    assert person.confirm(token, right)["code"] == "1102"


def test_of_fifty_requests_at_once_five_send_a_mail(
    installation: Installation, sockets: list[ClientConnection]
) -> None:
    person = racer(installation, 2, sockets[0])
    data = {"email": person.address, "password": PASSWORD, "browser": BROWSER, "os": SYSTEM}
    answers = at_once([partial(asked, socket, "request_login_token", data) for socket in sockets])
    tokens = [answer for answer in answers if isinstance(answer, str)]
    assert len(tokens) == 5
    assert {answer["code"] for answer in answers if not isinstance(answer, str)} == {"1107"}
    codes = person.codes(count=5)
    assert len(codes) == 5
    confirmed = [person.confirm(token, code)["code"] for token in tokens for code in codes]
    assert confirmed.count("1104") == 1, "each request cancels the one before"


def test_without_remove_fifty_requests_leave_three_waiting(
    installation: Installation, sockets: list[ClientConnection]
) -> None:
    person = racer(installation, 3, sockets[0])
    data = {"email": person.address, "password": PASSWORD, "os": SYSTEM, "remove": "false"}
    browsers = [{**data, "browser": f"browser {number}"} for number in range(MANY)]
    pairs = zip(sockets, browsers, strict=True)
    at_once([partial(asked, socket, "request_login_token", wish) for socket, wish in pairs])
    rows = installation.database.query(
        "SELECT c.created_at, c.expires_at FROM accounts_challenge c JOIN accounts_user u ON u.id = c.user_id "
        "WHERE u.username = 'racer3'"
    )
    assert len(rows) == 5
    lives = [datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(begin)) for begin, end in rows]
    assert sum(life > timedelta(seconds=300) for life in lives) == 3, "a cancelled one ends at once"
