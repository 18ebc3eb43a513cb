"""Every row of section 17 against a live server: prefixes, methods, bodies, CORS, success."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.matrix.client import Answer, Matrix, Session
from tests.conformance.matrix.facts import Facts
from tests.conformance.matrix.section_17 import ALL_PREFIXES, TABLE, WITH_BODY, Row
from tests.live import Installation

# Each prefix with its ways to send a token and to name the body, so that all ways are met.
WAYS: Mapping[str, tuple[str, str | None]] = {
    "r0": ("query", "text/plain"),
    "v3": ("Bearer", None),
    "unstable": ("bearer", "application/x-www-form-urlencoded"),
    "api/v1": ("query", None),
    "v1": ("Bearer", "application/json"),
    "v2_alpha": ("query", None),
}
PREFIXES = [(row, prefix) for row in TABLE for prefix in row.prefixes]
KNOWN = {f"{prefix}/{row.path}" for row in TABLE for prefix in row.prefixes}
OTHERS = [(row, [p for p in ALL_PREFIXES if f"{p}/{row.path}" not in KNOWN]) for row in TABLE]


@pytest.fixture(scope="module")
def shared(open_installation: Installation, administrator: Session) -> Facts:
    """An administrator's facts, for requests that change nothing."""
    return Facts(open_installation, administrator)


@pytest.fixture
def facts(open_installation: Installation, administrator: Session, request: pytest.FixtureRequest) -> Facts:
    """Facts of an account of the test's own."""
    row = request.node.callspec.params["row"]
    return Facts(open_installation, administrator if row.administrator else None)


def send(facts: Facts, row: Row, prefix: str, body: Any = None, **more: Any) -> Answer:
    """The row's request under a prefix, with the token and the body in the prefix's way."""
    way, content_type = WAYS[prefix]
    headers, query = {}, facts.fill(row.query)
    if content_type is not None and body is not None:
        headers["Content-Type"] = content_type
    if row.token and way == "query":
        query += f"{'&' if query else '?'}access_token={facts.asking.access_token}"
    elif row.token:
        headers["Authorization"] = f"{way} {facts.asking.access_token}"
    return facts.matrix.ask(row.method, f"{prefix}/{facts.fill(row.path)}{query}", body=body, headers=headers, **more)


@pytest.mark.parametrize(("row", "prefix"), PREFIXES, ids=str)
def test_row_answers_under_its_prefix(row: Row, prefix: str, facts: Facts) -> None:
    body = None if row.body is None else {**facts.fill(row.body), "org.example.unknown": {"a": []}, "device": None}
    answer = send(facts, row, prefix, body)
    if row.uia and row.token:
        assert answer.status == 401
        body = {**(body or {}), "auth": {**facts.asking.proof, "session": answer.json["session"]}}
        answer = send(facts, row, prefix, body)
    assert answer.status == 200, answer.body
    members = set(answer.json)
    assert row.members <= members <= row.members | row.optional


@pytest.mark.parametrize(("row", "prefixes"), OTHERS, ids=str)
def test_row_is_unknown_under_other_prefixes(row: Row, prefixes: list[str], shared: Facts) -> None:
    for prefix in prefixes:
        answer = shared.matrix.ask(row.method, f"{prefix}/{shared.fill(row.path)}", body=row.body)
        assert answer.outcome == (404, "M_UNRECOGNIZED"), prefix


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_a_slash_too_many_is_another_path(row: Row, shared: Facts) -> None:
    path = f"{row.prefixes[0]}/{shared.fill(row.path)}/"
    answer = shared.matrix.ask(row.method, path, token=shared.asking.access_token, body=row.body)
    assert answer.outcome == (404, "M_UNRECOGNIZED")


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_other_methods_are_refused_with_those_allowed(row: Row, shared: Facts) -> None:
    allowed = {other.method for other in TABLE if other.path == row.path}
    allowed |= {"HEAD"} & ({"HEAD"} if "GET" in allowed else set())
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} - allowed:
        answer = shared.matrix.ask(method, f"{row.prefixes[0]}/{shared.fill(row.path)}")
        assert answer.status == 405
        assert answer.errcode == ("" if method == "HEAD" else "M_UNRECOGNIZED")
        assert allowed <= set(answer.headers["Allow"].split(", ")) <= allowed | {"OPTIONS"}


@pytest.mark.parametrize("path", [*sorted({row.path for row in TABLE}), "nothing/here"])
def test_preflight_is_answered_without_a_token(path: str, matrix: Matrix) -> None:
    answer = matrix.ask("OPTIONS", f"v3/{path}")
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("row", [row for row in TABLE if row.method == "GET"], ids=str)
def test_head_is_answered_where_get_is(row: Row, shared: Facts) -> None:
    path, token = f"{row.prefixes[0]}/{shared.fill(row.path)}{shared.fill(row.query)}", shared.asking.access_token
    full, head = shared.matrix.get(path, token=token), shared.matrix.ask("HEAD", path, token=token)
    assert (head.status, head.body) == (full.status, b"")
    assert head.headers["Content-Type"] == full.headers["Content-Type"]


def refused(facts: Facts, row: Row, body: bytes | None) -> tuple[int, str]:
    path = f"{row.prefixes[-1]}/{facts.fill(row.path)}"
    token = facts.asking.access_token if row.token else ""
    return facts.matrix.ask(row.method, path, token=token, body=body).outcome


@pytest.mark.parametrize("row", [row for row in WITH_BODY if not row.ignores_body], ids=str)
@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (b"{", "M_NOT_JSON"),
        (b"user=a&password=b", "M_NOT_JSON"),
        (b'{"a": "\xff"}', "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b'"text"', "M_BAD_JSON"),
        (b"null", "M_BAD_JSON"),
    ],
)
def test_what_is_no_object_is_refused(row: Row, body: bytes, errcode: str, shared: Facts) -> None:
    assert refused(shared, row, body) == (400, errcode)


@pytest.mark.parametrize("row", WITH_BODY, ids=str)
def test_no_body_counts_as_an_object_only_where_it_may(row: Row, facts: Facts) -> None:
    outcome = refused(facts, row, None)
    assert outcome == refused(facts, row, b"") or row.ignores_body
    if row.ignores_body:
        assert outcome == (200, "")
    else:
        assert outcome == ((401, "") if row.may_be_empty else (400, "M_NOT_JSON"))


@pytest.mark.parametrize("row", [row for row in WITH_BODY if row.wrong], ids=str)
def test_a_member_of_the_wrong_type_is_refused(row: Row, shared: Facts) -> None:
    assert refused(shared, row, json.dumps(shared.fill(row.wrong)).encode()) == (400, "M_BAD_JSON")


@pytest.mark.parametrize("row", WITH_BODY, ids=str)
def test_body_over_64_kib_is_refused_before_it_is_parsed(row: Row, shared: Facts) -> None:
    assert refused(shared, row, b"x" * (64 * 1024 + 1)) == (413, "M_TOO_LARGE")


def test_body_of_64_kib_is_read(matrix: Matrix) -> None:
    body = json.dumps({"refresh_token": "mar_of_nobody"}).encode().ljust(64 * 1024)
    assert matrix.ask("POST", "v3/refresh", body=body).outcome == (401, "M_UNKNOWN_TOKEN")


@pytest.mark.parametrize("path", ["nothing", "v3", "v3/nothing", "r0/sync", "v3/rooms/!a:b/state", "../admin/"])
def test_unknown_path_is_unrecognized(path: str, matrix: Matrix) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert matrix.ask(method, path).outcome == (404, "M_UNRECOGNIZED")


def test_registration_of_a_phone_is_not_supported(matrix: Matrix) -> None:
    body = {"client_secret": "abc", "country": "GB", "phone_number": "07700900001", "send_attempt": 1}
    for prefix in ("r0", "v3", "unstable"):
        answer = matrix.post(f"{prefix}/register/msisdn/requestToken", body)
        assert answer.outcome == (400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")
