"""User-interactive auth of every call that asks for it (matrix.md §5)."""

from typing import Any

import pytest

from tests.conformance.matrix.client import PASSWORD, Answer, Matrix, Session, new_name, user
from tests.conformance.matrix.facts import Facts
from tests.conformance.matrix.section_17 import WITH_PROOF, Row
from tests.live import Installation

DUMMY = {"type": "m.login.dummy"}


@pytest.fixture
def facts(open_installation: Installation) -> Facts:
    """Facts of an account of the test's own, for calls that succeed."""
    return Facts(open_installation)


@pytest.fixture(scope="module")
def shared(open_installation: Installation) -> Facts:
    return Facts(open_installation)


@pytest.fixture(scope="module")
def bob(open_installation: Installation) -> Session:
    return Matrix(open_installation.server.port).register()


def send(facts: Facts, row: Row, auth: Any = None, *, asking: Session | None = None) -> Answer:
    """The row's good request, with this `auth` if any."""
    body = facts.fill(row.body) | ({} if auth is None else {"auth": auth})
    token = (asking or facts.session).access_token
    return facts.matrix.ask(row.method, f"{row.prefixes[0]}/{facts.fill(row.path)}", token=token, body=body)


def opened(facts: Facts, row: Row, **more: Any) -> str:
    answer = send(facts, row, **more)
    assert answer.status == 401, answer.body
    return str(answer.json["session"])


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_request_without_a_proof_is_told_the_flows(row: Row, shared: Facts) -> None:
    nothing: list[Any] = [None, {}, "text", [], {"initial_device_display_name": "matrix-nio"}, {"type": None}]
    for auth in nothing:
        answer = send(shared, row, auth)
        assert answer.outcome == (401, "")
        assert answer.json["flows"] == [{"stages": ["m.login.password"]}]
        assert answer.json["params"] == {}
        assert "error" not in answer.json


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_wrong_password_may_be_tried_again_in_the_session(row: Row, facts: Facts) -> None:
    session = opened(facts, row)
    wrong = send(facts, row, {**facts.session.proof, "password": "wrong horse", "session": session})
    assert wrong.outcome == (401, "M_FORBIDDEN")
    assert wrong.json["session"] == session
    assert wrong.json["completed"] == []
    assert wrong.json["flows"] == [{"stages": ["m.login.password"]}]
    assert send(facts, row, {**facts.session.proof, "session": session}).status == 200


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_one_request_is_enough_for_one_stage(row: Row, facts: Facts) -> None:
    assert send(facts, row, facts.session.proof).status == 200


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_password_of_2015_is_a_proof(row: Row, facts: Facts) -> None:
    legacy = {"type": "m.login.password", "user": facts.session.user_id, "password": PASSWORD}
    assert send(facts, row, {**legacy, "session": opened(facts, row)}).status == 200


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_unknown_session_is_refused(row: Row, shared: Facts) -> None:
    assert send(shared, row, {**shared.session.proof, "session": "unknown"}).outcome == (400, "M_UNKNOWN")


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_session_is_of_one_call_and_one_person(row: Row, shared: Facts, bob: Session) -> None:
    other_call = next(other for other in WITH_PROOF if other is not row)
    foreign = opened(shared, other_call)
    assert send(shared, row, {**shared.session.proof, "session": foreign}).outcome == (403, "M_UNKNOWN")
    of_bob = opened(shared, row, asking=bob)
    assert send(shared, row, {**shared.session.proof, "session": of_bob}).outcome == (403, "M_UNKNOWN")


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_password_of_somebody_else_proves_nothing(row: Row, shared: Facts, bob: Session) -> None:
    assert send(shared, row, {**bob.proof, "session": opened(shared, row)}).outcome == (403, "M_FORBIDDEN")


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_stage_that_is_not_offered_is_refused(row: Row, shared: Facts) -> None:
    for stage in ("m.login.dummy", "org.example.stage"):
        answer = send(shared, row, {"type": stage, "session": opened(shared, row)})
        assert answer.outcome == (400, "M_INVALID_PARAM")


@pytest.mark.parametrize("row", WITH_PROOF, ids=str)
def test_repeat_of_a_call_whose_answer_was_lost(row: Row, facts: Facts) -> None:
    auth: dict[str, Any] = {**facts.session.proof, "session": opened(facts, row)}
    first, second = send(facts, row, auth), send(facts, row, auth)
    assert first.status == 200
    if row.path == "login/get_token":  # each token needs fresh consent
        assert second.outcome == (400, "M_UNKNOWN")
    elif row.path in {"account/deactivate", "devices/{device_id}", "delete_devices"}:  # the session itself is gone
        assert second.outcome == (401, "M_UNKNOWN_TOKEN")
    else:
        assert (second.status, second.json) == (first.status, first.json)


def test_deletion_may_be_repeated_by_a_session_that_lives_on(matrix: Matrix) -> None:
    alice = matrix.register()
    gone = matrix.log_in(alice.name)
    body = {"devices": [gone.device_id]}
    flows = matrix.post("v3/delete_devices", body, token=alice.access_token)
    proved = {**body, "auth": {**alice.proof, "session": flows.json["session"]}}
    for _ in range(2):
        assert matrix.post("v3/delete_devices", proved, token=alice.access_token).outcome == (200, "")


def test_session_alone_remembers_the_body_but_lets_nobody_change_it(matrix: Matrix) -> None:
    alice = matrix.register()
    gone, kept = matrix.log_in(alice.name), matrix.log_in(alice.name)
    session = matrix.post("v3/delete_devices", {"devices": [gone.device_id]}, token=alice.access_token).json["session"]
    state = matrix.post("v3/delete_devices", {"auth": {"session": session}}, token=alice.access_token)
    assert state.status == 401
    auth: dict[str, Any] = {**alice.proof, "session": session}
    changed = matrix.post("v3/delete_devices", {"devices": [kept.device_id], "auth": auth}, token=alice.access_token)
    assert changed.outcome == (403, "M_UNKNOWN")
    assert matrix.post("v3/delete_devices", {"auth": auth}, token=alice.access_token).status == 200
    left = {device["device_id"] for device in matrix.get("v3/devices", token=alice.access_token).json["devices"]}
    assert left == {alice.device_id, kept.device_id}


def registration(name: str, **auth: Any) -> dict[str, Any]:
    return {"username": name, "password": PASSWORD, "auth": auth}


def test_registration_goes_through_its_session(matrix: Matrix) -> None:
    name = new_name()
    flows = matrix.post("v3/register", {"username": name, "password": PASSWORD})
    assert flows.outcome == (401, "")
    assert flows.json["flows"] == [{"stages": ["m.login.dummy"]}]
    assert flows.json["params"] == {}
    done = matrix.post("v3/register", {"auth": {**DUMMY, "session": flows.json["session"]}})
    assert done.status == 200
    assert done.json["user_id"].startswith(f"@{name}:")
    assert matrix.log_in(name).name == name


def test_repeated_registration_is_the_same_account(matrix: Matrix) -> None:
    name = new_name()
    session = matrix.post("v3/register", {"username": name, "password": PASSWORD}).json["session"]
    body = registration(name, **DUMMY, session=session)
    first, second = matrix.post("v3/register", body), matrix.post("v3/register", body)
    assert (first.status, second.status) == (200, 200)
    assert second.json["user_id"] == first.json["user_id"]
    assert matrix.get("v3/account/whoami", token=second.json["access_token"]).status == 200


def test_registration_session_serves_no_other_call(matrix: Matrix) -> None:
    alice = matrix.register()
    session = matrix.post("v3/register", {}).json["session"]
    body = {"devices": [], "auth": {**alice.proof, "session": session}}
    assert matrix.post("v3/delete_devices", body, token=alice.access_token).outcome == (403, "M_UNKNOWN")
    assert matrix.post("v3/register", registration(new_name(), **DUMMY, session="x")).outcome == (400, "M_UNKNOWN")
    wrong_stage = registration(new_name(), type="m.login.password", session=session, identifier=user("a"))
    assert matrix.post("v3/register", wrong_stage).outcome == (400, "M_INVALID_PARAM")
