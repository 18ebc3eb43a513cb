"""Whatever a stranger puts into a body, a path or a query is refused in the protocol's form, never a 5xx."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.conformance.matrix.client import Matrix, Session
from tests.conformance.matrix.facts import Facts
from tests.conformance.matrix.section_17 import WITH_BODY, Row
from tests.live import Installation

NASTY: list[Any] = [
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "a" * 20_000,
    "\u202e\u0301\U0001f4a9",
    "' OR 1=1 --",
    "../../etc/passwd",
    -1,
    10**30,
    1.5e300,
    True,
    [],
    {},
    [[[[]]]],
    {"type": {}},
    ["\x00"],
    {"type": "m.id.user", "user": "\x00"},
    {"type": "m.id.thirdparty", "medium": "email", "address": "a\x00@b.test"},
]
OF_A_NEW_SESSION = ("device_id", "initial_device_display_name", "inhibit_login", "refresh_token")
OF_AUTH = ("type", "session", "identifier", "password", "token", "threepid_creds")
PATHS = ["%00", "%ff", "%", "%2F..%2F", "a%0d%0ab", "@a%00:localhost", "%F0%9F%92%A9", "@", "@:", "@a:b:c", "a" * 4000]


@pytest.fixture(scope="module")
def shared(open_installation: Installation, administrator: Session) -> Facts:
    return Facts(open_installation, administrator)


def bodies(row: Row, good: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The good body with each of its members in turn made nasty, and an `auth` with each of its own."""
    members = {*good, *row.wrong, *(OF_A_NEW_SESSION if row.path in {"login", "register"} else ())}
    for nasty in NASTY:
        for member in members:
            yield {**good, member: nasty}
        if row.uia or row.path == "register":
            yield {**good, "auth": nasty}
            for member in OF_AUTH:
                yield {"auth": {"type": "m.login.password", member: nasty}}


@pytest.mark.parametrize("row", [row for row in WITH_BODY if not row.ignores_body], ids=str)
def test_nasty_members_never_break_the_server(row: Row, shared: Facts) -> None:
    path, token = f"{row.prefixes[0]}/{shared.fill(row.path)}", shared.asking.access_token
    good = shared.fill(row.body)
    for body in bodies(row, good):
        answer = shared.matrix.ask(row.method, path, token=token if row.token else "", body=body)
        assert answer.status < 500, (body, answer.body)


@pytest.mark.parametrize("nasty", NASTY, ids=lambda nasty: repr(nasty)[:20])
def test_nasty_members_after_a_good_proof(nasty: Any, open_installation: Installation) -> None:
    facts = Facts(open_installation)
    auth, token, matrix = facts.session.proof, facts.session.access_token, facts.matrix
    for path, body in (
        ("delete_devices", {"devices": nasty}),
        ("delete_devices", {"devices": [nasty]}),
        ("account/3pid/add", {"sid": nasty, "client_secret": "abc"}),
        ("account/3pid/add", {"sid": "abc", "client_secret": nasty}),
        ("account/3pid/delete", {"medium": "email", "address": nasty}),
        ("account/password", {"new_password": nasty}),
    ):
        answer = matrix.post(f"v3/{path}", {**body, "auth": auth}, token=token)
        assert answer.status < 500, (path, body, answer.body)


@pytest.mark.parametrize("part", PATHS)
def test_nasty_paths_never_break_the_server(part: str, shared: Facts, open_installation: Installation) -> None:
    """Asked past a proxy: nginx answers 400 itself where a path has a NUL or a lone `%`."""
    matrix = Matrix(open_installation.server.direct.port)
    token = shared.asking.access_token
    places = ["v3/devices/{}", "v3/profile/{}", "v3/profile/{}/displayname", "v1/admin/lock/{}", "{}/login"]
    places += ["v3/auth/{}/fallback/web?session=a", "v3/register/available?username={}", "v3/login/sso/redirect/{}"]
    places += ["v3/auth/m.login.terms/fallback/web?session={}", "v3/account/whoami?access_token={}"]
    for place in places:
        answer = matrix.get(place.format(part), token="" if "access_token" in place else token)
        assert answer.status < 500, (place, answer.body)


@pytest.mark.parametrize("body", [b"[" * 30_000, b'{"a":' * 10_000, b"1" * 60_000, b"\xff\xfe{\x00}\x00", b"NaN"])
def test_nasty_json_is_no_json(body: bytes, matrix: Matrix) -> None:
    assert matrix.ask("POST", "v3/login", body=body).outcome in {(400, "M_NOT_JSON"), (400, "M_BAD_JSON")}
