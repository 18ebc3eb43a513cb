"""How an access token is sent, and what each call says of one that is none (matrix.md §4, §16)."""

import pytest

from tests.conformance.matrix import operating
from tests.conformance.matrix.client import Answer, Matrix, Session, encoded
from tests.conformance.matrix.section_17 import WITH_TOKEN, Row
from tests.live import Installation


@pytest.fixture(scope="module")
def alice(open_installation: Installation) -> Session:
    return Matrix(open_installation.server.port).register(refresh_token=True)


@pytest.fixture(scope="module")
def login_token(open_installation: Installation, alice: Session) -> str:
    return Matrix(open_installation.server.port).login_token(alice)


def path_of(row: Row, asking: Session) -> str:
    path = row.path.format(user_id=encoded(asking.user_id), device_id=encoded(asking.device_id))
    return f"{row.prefixes[0]}/{path}{row.query}"


def send(matrix: Matrix, row: Row, asking: Session, *, query: str = "", **headers: str) -> Answer:
    return matrix.ask(row.method, path_of(row, asking) + query, body=row.body and {}, headers=headers)


@pytest.mark.parametrize("row", WITH_TOKEN, ids=str)
def test_request_without_a_bearer_token_is_missing_one(row: Row, matrix: Matrix, alice: Session) -> None:
    missing = (401, "M_MISSING_TOKEN")
    if not row.token_is_optional:
        assert send(matrix, row, alice).outcome == missing
    assert send(matrix, row, alice, Authorization="Basic YTpi").outcome == missing
    twice = send(matrix, row, alice, query=f"?access_token={alice.access_token}", Authorization="Bearer x")
    assert twice.outcome == missing


@pytest.mark.parametrize("row", WITH_TOKEN, ids=str)
def test_token_of_nobody_ends_the_session_for_good(row: Row, matrix: Matrix, alice: Session, login_token: str) -> None:
    altered = alice.access_token[:-1] + ("a" if alice.access_token[-1] != "a" else "b")
    others = ["", "x", "a b", altered, alice.refresh_token, login_token, "\xe9", "a" * 4000]
    for token in others:
        answer = send(matrix, row, alice, Authorization=f"Bearer {token}")
        assert answer.outcome == (401, "M_UNKNOWN_TOKEN"), token
        assert answer.json.get("soft_logout", False) is False


@pytest.mark.parametrize("row", WITH_TOKEN, ids=str)
def test_expired_token_asks_for_a_new_login_but_keeps_the_keys(row: Row, matrix: Matrix, expired: Session) -> None:
    if row.outlives_lock:
        return  # see test_logout_works_with_an_expired_token
    answer = send(matrix, row, expired, Authorization=f"Bearer {expired.access_token}")
    assert answer.outcome == (401, "M_UNKNOWN_TOKEN")
    assert answer.json["soft_logout"] is True


@pytest.mark.parametrize("row", WITH_TOKEN, ids=str)
def test_locked_account_keeps_its_session(row: Row, matrix: Matrix, locked: Session) -> None:
    if row.outlives_lock:
        return  # see test_logout_works_while_locked
    answer = send(matrix, row, locked, Authorization=f"Bearer {locked.access_token}")
    assert answer.outcome == (401, "M_USER_LOCKED")
    assert answer.json["soft_logout"] is True


@pytest.fixture(scope="module")
def expired(open_installation: Installation) -> Session:
    found = Matrix(open_installation.server.port).register(refresh_token=True)
    operating.expire_access(open_installation.database, found.name)
    return found


@pytest.fixture(scope="module")
def locked(open_installation: Installation) -> Session:
    found = Matrix(open_installation.server.port).register(refresh_token=True)
    open_installation.manage("users", "lock", found.name)
    return found


@pytest.mark.parametrize("path", ["v3/logout", "v3/logout/all", "api/v1/logout"])
def test_logout_works_with_an_expired_token(path: str, matrix: Matrix, open_installation: Installation) -> None:
    session = matrix.register(refresh_token=True)
    operating.expire_access(open_installation.database, session.name)
    assert matrix.post(path, token=session.access_token).outcome == (200, "")
    again = matrix.post(path, token=session.access_token)
    assert again.outcome == (401, "M_UNKNOWN_TOKEN")
    assert matrix.post("v3/refresh", {"refresh_token": session.refresh_token}).outcome == (401, "M_UNKNOWN_TOKEN")


def test_logout_works_while_locked(matrix: Matrix, administrator: Session) -> None:
    alice = matrix.register()
    other = matrix.log_in(alice.name)
    matrix.moderate(administrator, "lock", alice, locked=True)
    assert matrix.post("v3/logout", token=other.access_token).outcome == (200, "")
    assert matrix.post("v3/logout/all", token=alice.access_token).outcome == (200, "")


def test_unlocked_account_goes_on_with_its_token(matrix: Matrix, administrator: Session) -> None:
    alice = matrix.register()
    matrix.moderate(administrator, "lock", alice, locked=True)
    assert matrix.get("v3/devices", token=alice.access_token).outcome == (401, "M_USER_LOCKED")
    matrix.moderate(administrator, "lock", alice, locked=False)
    assert matrix.get("v3/devices", token=alice.access_token).status == 200


def test_login_on_a_known_device_ends_its_older_tokens(matrix: Matrix) -> None:
    first = matrix.register(refresh_token=True, initial_device_display_name="phone")
    second = matrix.log_in(first.name, device_id=first.device_id, initial_device_display_name="new name")
    assert second.device_id == first.device_id
    assert matrix.get("v3/account/whoami", token=first.access_token).outcome == (401, "M_UNKNOWN_TOKEN")
    assert matrix.post("v3/refresh", {"refresh_token": first.refresh_token}).outcome == (401, "M_UNKNOWN_TOKEN")
    shown = matrix.get(f"v3/devices/{first.device_id}", token=second.access_token).json
    assert shown["display_name"] == "phone"
