"""Each row with its own limit answers one 429 as section 15 of matrix.md says; `client.ask` looks at the form."""

import secrets
from collections.abc import Callable

import pytest

from tests.conformance.matrix.client import PASSWORD, Answer, Matrix, Session, new_name, user
from tests.live import Installation

MOST = 70  # attempts; the widest limit of a row is 60
Attempt = Callable[[Matrix, Session], Answer]


@pytest.fixture
def narrow(narrow_installation: Installation) -> Matrix:
    return elsewhere(narrow_installation.server.port)


def elsewhere(port: int) -> Matrix:
    """A client at an address of its own, also among servers that share a Redis."""
    return Matrix(port, address=".".join(["10", *(str(1 + secrets.randbelow(254)) for _ in range(3))]))


def _wrong(asking: Session) -> dict[str, object]:
    return {"auth": {**asking.proof, "password": "wrong horse"}}


def _mail(path: str) -> Attempt:
    def attempt(matrix: Matrix, asking: Session) -> Answer:
        body = {"client_secret": secrets.token_hex(8), "email": f"{new_name()}@example.net", "send_attempt": 1}
        return matrix.post(f"v3/{path}/email/requestToken", body)

    return attempt


def _refresh(matrix: Matrix, asking: Session) -> Answer:
    return matrix.post("v3/refresh", {"refresh_token": asking.refresh_token})


def _proof(method: str, path: str, **body: object) -> Attempt:
    def attempt(matrix: Matrix, asking: Session) -> Answer:
        return matrix.ask(method, f"v3/{path}", token=asking.access_token, body={**body, **_wrong(asking)})

    return attempt


LIMITED: dict[str, Attempt] = {
    "POST login": lambda matrix, _: matrix.post(
        "v3/login", {"type": "m.login.password", "identifier": user(new_name()), "password": PASSWORD}
    ),
    "POST login of one account": lambda matrix, asking: matrix.post(
        "v3/login", {"type": "m.login.password", "identifier": user(asking.name), "password": "wrong horse"}
    ),
    "POST login with a token": lambda matrix, _: matrix.post("v3/login", {"type": "m.login.token", "token": "x"}),
    "POST login/get_token": lambda matrix, asking: matrix.post(
        "v1/login/get_token", {"auth": asking.proof}, token=asking.access_token
    ),
    "POST refresh": _refresh,
    "POST tokenrefresh": lambda matrix, asking: matrix.post("r0/tokenrefresh", {"refresh_token": asking.refresh_token}),
    "POST register": lambda matrix, _: matrix.post(
        "v3/register", {"username": new_name(), "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    ),
    "GET register/available": lambda matrix, _: matrix.get(f"v3/register/available?username={new_name()}"),
    "GET validity": lambda matrix, _: matrix.get("v1/register/m.login.registration_token/validity?token=a"),
    "POST register/email/requestToken": _mail("register"),
    "POST account/password/email/requestToken": _mail("account/password"),
    "POST account/3pid/email/requestToken": _mail("account/3pid"),
    "POST account/password": _proof("POST", "account/password", new_password="another horse battery"),
    "POST account/deactivate": _proof("POST", "account/deactivate"),
    "POST account/3pid/add": _proof("POST", "account/3pid/add", sid="abc", client_secret="abc"),
    "DELETE devices/{id}": _proof("DELETE", "devices/X"),
    "POST delete_devices": _proof("POST", "delete_devices", devices=[]),
}


@pytest.mark.parametrize("call", LIMITED)
def test_row_is_limited(call: str, narrow: Matrix) -> None:
    asking = elsewhere(narrow.port).register(refresh_token=True)
    answers = (LIMITED[call](narrow, asking) for _ in range(MOST))
    refused = next((answer for answer in answers if answer.status == 429), None)
    assert refused is not None, f"{MOST} attempts and no 429"
    assert refused.errcode == "M_LIMIT_EXCEEDED"
    assert 0 < refused.json["retry_after_ms"] <= 1_000_000


def test_right_passwords_use_up_nothing(narrow: Matrix) -> None:
    alice = narrow.register()
    for _ in range(6):
        assert narrow.log_in(alice.name).user_id == alice.user_id


def test_device_that_is_known_is_not_hindered_by_strangers(narrow: Matrix) -> None:
    alice = narrow.register()
    strangers = elsewhere(narrow.port)
    while LIMITED["POST login of one account"](strangers, alice).status != 429:
        pass
    assert narrow.log_in(alice.name, device_id=alice.device_id).device_id == alice.device_id
