"""What must happen once, asked for fifty times at the same moment, in one process and in two (R15, R24, R65).

On SQLite by default, on Postgres and Redis when DATABASE_URL and REDIS_URL name them.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import cycle

import pytest

from tests.live import Installation, running
from tests.live.matrix import API, DUMMY, PASSWORD, ask, log_in, new_name, proof, register, who_am_i
from tests.live.parallel import at_once


@pytest.fixture(scope="module", params=["daphne-1", "uvicorn-2"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    kind, count = request.param.split("-")
    with running(count=int(count), SERVER=kind) as servers:
        yield servers


@pytest.fixture
def ports(installation: Installation) -> Iterator[int]:
    """The processes in turn: every request may meet another one."""
    return cycle([server.port for server in installation.servers])


def test_one_session_used_fifty_times_at_once_registers_one_account(
    installation: Installation, ports: Iterator[int]
) -> None:
    name = new_name()
    body = {"username": name, "password": PASSWORD}
    session = ask(next(ports), "POST", f"{API}/register", data=body).json["session"]
    whole = body | {"auth": DUMMY | {"session": session}}
    answers = at_once([partial(ask, next(ports), "POST", f"{API}/register", data=whole) for _ in range(50)])
    assert {answer.status for answer in answers} <= {200, 429, 503}  # busy is no error
    good = [answer.json for answer in answers if answer.status == 200]
    assert good
    assert len({(answer["user_id"], answer["device_id"]) for answer in good}) == 1
    living = [answer for answer in good if who_am_i(next(ports), answer["access_token"]) == 200]
    assert 1 <= len(living) <= 2  # the first answer's, and that of the last repeat
    named = f"WHERE username = '{name}'"
    assert installation.database.query(f"SELECT count(*) FROM accounts_user {named}") == [(1,)]


def test_one_session_used_at_once_for_different_names_registers_one_account(
    installation: Installation, ports: Iterator[int]
) -> None:
    session = ask(next(ports), "POST", f"{API}/register", data={"password": PASSWORD}).json["session"]
    names = [new_name() for _ in range(12)]
    auth = DUMMY | {"session": session}
    bodies = [{"username": name, "password": PASSWORD, "auth": auth} for name in names]
    answers = at_once([partial(ask, next(ports), "POST", f"{API}/register", data=body) for body in bodies])
    assert [answer.status for answer in answers].count(200) == 1
    listed = ",".join(f"'{name}'" for name in names)
    made = f"SELECT count(*) FROM accounts_user WHERE username IN ({listed})"
    assert installation.database.query(made) == [(1,)]


def test_many_registrations_of_one_name_make_one_account(ports: Iterator[int]) -> None:
    body = {"username": new_name(), "password": PASSWORD, "auth": DUMMY}
    answers = at_once([partial(ask, next(ports), "POST", f"{API}/register", data=body) for _ in range(8)])
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 7}
    assert {answer.json["errcode"] for answer in answers if answer.status == 400} == {"M_USER_IN_USE"}


def test_of_fifty_logins_with_one_login_token_one_wins(ports: Iterator[int]) -> None:
    name = new_name()
    token = register(next(ports), name)["access_token"]
    path = "/_matrix/client/v1/login/get_token"
    asked = ask(next(ports), "POST", path, data={"auth": proof(name)}, token=token)
    body = {"type": "m.login.token", "token": asked.json["login_token"]}
    answers = at_once([partial(ask, next(ports), "POST", f"{API}/login", data=body) for _ in range(50)])
    assert Counter(answer.status for answer in answers) == {200: 1, 403: 49}
    devices = ask(next(ports), "GET", f"{API}/devices", token=token).json["devices"]
    assert len(devices) == 2


def test_of_fifty_refreshes_of_one_token_one_pair_lives(ports: Iterator[int]) -> None:
    name = new_name()
    secret = register(next(ports), name, refresh_token=True)["refresh_token"]
    body = {"refresh_token": secret}
    answers = at_once([partial(ask, next(ports), "POST", f"{API}/refresh", data=body) for _ in range(50)])
    assert {answer.status for answer in answers} == {200}
    living = [answer.json for answer in answers if who_am_i(next(ports), answer.json["access_token"]) == 200]
    assert len(living) == 1
    again = ask(next(ports), "POST", f"{API}/refresh", data={"refresh_token": living[0]["refresh_token"]})
    assert again.status == 200


def test_logins_on_one_device_at_once_leave_one_living_token(ports: Iterator[int]) -> None:
    name = new_name()
    register(next(ports), name)
    opened = at_once([partial(log_in, next(ports), name, device_id="SAME") for _ in range(6)])
    assert [who_am_i(next(ports), answer["access_token"]) for answer in opened].count(200) == 1
