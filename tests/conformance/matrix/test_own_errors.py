"""The errors that section 17 of matrix.md names for single rows, one line each."""

import secrets
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.conformance.matrix import operating
from tests.conformance.matrix.client import PASSWORD, Matrix, Session, encoded, new_name, user
from tests.conformance.matrix.facts import Facts
from tests.live import Installation

_LOGIN = {"type": "m.login.password", "identifier": user("nobody"), "password": PASSWORD}
_DUMMY = {"type": "m.login.dummy"}
_NEW = {"username": "{fresh_name}", "password": PASSWORD, "auth": _DUMMY}
_MAIL = {"client_secret": "{secret}", "email": "{fresh_email}", "send_attempt": 1}


def without(body: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}


# call · body · status and error. The account of the facts asks where the path needs a token.
REFUSED: list[tuple[str, Any, tuple[int, str]]] = [
    # login
    ("POST login", without(_LOGIN, "type"), (400, "M_MISSING_PARAM")),
    ("POST login", {**_LOGIN, "type": "org.example.login"}, (400, "M_UNKNOWN")),
    ("POST login", {**_LOGIN, "type": 5}, (400, "M_UNKNOWN")),
    ("POST login", {**_LOGIN, "type": "m.login.application_service"}, (400, "M_APPSERVICE_LOGIN_UNSUPPORTED")),
    ("POST login", without(_LOGIN, "password"), (400, "M_MISSING_PARAM")),
    ("POST login", without(_LOGIN, "identifier"), (400, "M_MISSING_PARAM")),
    ("POST login", {**_LOGIN, "identifier": {"type": "m.id.user"}}, (400, "M_MISSING_PARAM")),
    ("POST login", {**_LOGIN, "identifier": {"type": "m.id.badge", "badge": "1"}}, (400, "M_UNKNOWN")),
    ("POST login", {**_LOGIN, "identifier": "nobody"}, (400, "M_BAD_JSON")),
    ("POST login", {**_LOGIN, "device_id": "d" * 513}, (400, "M_INVALID_PARAM")),
    ("POST login", {**_LOGIN, "password": 5}, (400, "M_BAD_JSON")),
    ("POST login", {"type": "m.login.token"}, (400, "M_MISSING_PARAM")),
    ("POST login", {"type": "m.login.token", "token": "mlt_of_nobody"}, (403, "M_FORBIDDEN")),
    ("POST login", {"type": "m.login.token", "token": "{access_token}"}, (403, "M_FORBIDDEN")),
    # refresh
    ("POST refresh", {}, (400, "M_MISSING_PARAM")),
    ("POST refresh", {"refresh_token": "mar_of_nobody"}, (401, "M_UNKNOWN_TOKEN")),
    ("POST refresh", {"refresh_token": "{access_token}"}, (401, "M_UNKNOWN_TOKEN")),
    ("POST tokenrefresh", {}, (400, "M_MISSING_PARAM")),
    ("POST tokenrefresh", {"refresh_token": "mar_of_nobody"}, (403, "M_FORBIDDEN")),
    # register
    ("POST register", {**_NEW, "username": "{name}"}, (400, "M_USER_IN_USE")),
    ("POST register", {"username": "{name}"}, (400, "M_USER_IN_USE")),
    *(
        ("POST register", {**_NEW, "username": bad}, (400, "M_INVALID_USERNAME"))
        for bad in ("", "a b", "a@b", "a:b", "a!", "é", "_bridge", "12345", "a" * 250)
    ),
    ("POST register", {**_NEW, "username": "root-{reserved}"}, (400, "M_EXCLUSIVE")),
    ("POST register", {**_NEW, "username": "05" + "a" * 64}, (400, "M_EXCLUSIVE")),
    ("POST register", {**_NEW, "password": "short"}, (400, "M_WEAK_PASSWORD")),
    ("POST register", without(_NEW, "password"), (400, "M_MISSING_PARAM")),
    ("POST register", {**_NEW, "device_id": 5}, (400, "M_BAD_JSON")),
    ("POST register", {**_NEW, "inhibit_login": "yes"}, (400, "M_BAD_JSON")),
    ("POST register?kind=admin", _NEW, (400, "M_UNRECOGNIZED")),
    ("POST register?kind=guest", {}, (403, "M_GUEST_ACCESS_FORBIDDEN")),
    ("GET register/available", None, (400, "M_MISSING_PARAM")),
    ("GET register/available?username={name}", None, (400, "M_USER_IN_USE")),
    ("GET register/available?username=a%20b", None, (400, "M_INVALID_USERNAME")),
    ("GET register/available?username=root-{reserved}", None, (400, "M_EXCLUSIVE")),
    # account
    ("POST account/password", {}, (400, "M_MISSING_PARAM")),
    ("POST account/password", {"new_password": "short"}, (400, "M_WEAK_PASSWORD")),
    # devices
    ("GET devices/UNKNOWN", None, (404, "M_NOT_FOUND")),
    ("GET devices/{device_of_bob}", None, (404, "M_NOT_FOUND")),
    ("PUT devices/UNKNOWN", {"display_name": "x"}, (404, "M_NOT_FOUND")),
    ("PUT devices/{device_of_bob}", {"display_name": "x"}, (404, "M_NOT_FOUND")),
    ("PUT devices/{device_id}", {"display_name": "x" * 101}, (400, "M_TOO_LARGE")),
    ("POST delete_devices", {}, (400, "M_MISSING_PARAM")),
    ("POST delete_devices", {"devices": [5]}, (400, "M_BAD_JSON")),
    # profile
    ("GET profile/@nobody:localhost", None, (404, "M_NOT_FOUND")),
    ("GET profile/@nobody:localhost/displayname", None, (404, "M_NOT_FOUND")),
    ("GET profile/@nobody:elsewhere.org/displayname", None, (404, "M_NOT_FOUND")),
    ("PUT profile/{bob}/displayname", {"displayname": "x"}, (403, "M_FORBIDDEN")),
    # third-party ids
    *(
        error
        for path in ("register", "account/password", "account/3pid")
        for error in (
            (f"POST {path}/email/requestToken", without(_MAIL, "client_secret"), (400, "M_MISSING_PARAM")),
            (f"POST {path}/email/requestToken", without(_MAIL, "email"), (400, "M_MISSING_PARAM")),
            (f"POST {path}/email/requestToken", without(_MAIL, "send_attempt"), (400, "M_MISSING_PARAM")),
            (f"POST {path}/email/requestToken", {**_MAIL, "email": "no address"}, (400, "M_INVALID_PARAM")),
            (f"POST {path}/email/requestToken", {**_MAIL, "client_secret": "a b"}, (400, "M_INVALID_PARAM")),
            (f"POST {path}/email/requestToken", {**_MAIL, "send_attempt": "1"}, (400, "M_BAD_JSON")),
            (f"POST {path}/email/requestToken", {**_MAIL, "next_link": "javascript:x"}, (400, "M_INVALID_PARAM")),
            (f"POST {path}/email/requestToken", {**_MAIL, "next_link": "https://evil.org"}, (400, "M_INVALID_PARAM")),
        )
    ),
    ("POST register/email/requestToken", {**_MAIL, "email": "{email}"}, (400, "M_THREEPID_IN_USE")),
    ("POST register/email/requestToken", {**_MAIL, "email": "a@denied.test"}, (403, "M_THREEPID_DENIED")),
    ("POST account/3pid/email/requestToken", {**_MAIL, "email": "{email}"}, (400, "M_THREEPID_IN_USE")),
    ("POST account/3pid/email/requestToken", {**_MAIL, "email": "a@denied.test"}, (403, "M_THREEPID_DENIED")),
    ("POST account/password/email/requestToken", _MAIL, (400, "M_THREEPID_NOT_FOUND")),
    ("POST account/3pid/add", {"client_secret": "abc"}, (400, "M_MISSING_PARAM")),
    # moderation
    ("GET admin/lock/{bob}", None, (403, "M_FORBIDDEN")),
    ("PUT admin/lock/{bob}", {"locked": True}, (403, "M_FORBIDDEN")),
    ("GET admin/suspend/{bob}", None, (403, "M_FORBIDDEN")),
    ("PUT admin/suspend/{bob}", {"suspended": True}, (403, "M_FORBIDDEN")),
    # OAuth is off
]
_PREFIXES = {"admin/": "v1", "tokenrefresh": "r0"}
_WITH_TOKEN = ("account/", "devices", "delete_devices", "profile/", "admin/")


@dataclass(frozen=True)
class People:
    """Alice asks; Bob is somebody else; names that begin with `root-` and what is reserved after it are taken."""

    alice: Facts
    bob: Session
    reserved: str

    def fill(self, value: Any) -> Any:
        more = {"bob": encoded(self.bob.user_id), "device_of_bob": self.bob.device_id, "reserved": self.reserved}
        more["access_token"] = self.alice.session.access_token
        return _filled(value, more, self.alice)


def _filled(value: Any, more: dict[str, str], facts: Facts) -> Any:
    if isinstance(value, str):
        for name, text in more.items():
            value = value.replace(f"{{{name}}}", text)
        return facts.fill(value)
    if isinstance(value, dict):
        return {key: _filled(member, more, facts) for key, member in value.items()}
    return value


@pytest.fixture(scope="module")
def people(open_installation: Installation) -> People:
    reserved = secrets.token_hex(4)
    open_installation.manage("rules", "add", "deny", "username", f"root-{reserved}")
    open_installation.manage("rules", "add", "deny", "domain", "denied.test")
    alice = Facts(open_installation)
    return People(alice, alice.matrix.register(), reserved)


@pytest.mark.parametrize(
    ("call", "body", "outcome"), REFUSED, ids=[f"{call}: {outcome[1]}" for call, _, outcome in REFUSED]
)
def test_row_refuses_by_name(call: str, body: Any, outcome: tuple[int, str], people: People) -> None:
    method, _, path = people.fill(call).partition(" ")
    prefix = next((prefix for start, prefix in _PREFIXES.items() if path.startswith(start)), "v3")
    token = people.alice.session.access_token if path.startswith(_WITH_TOKEN) else ""
    answer = people.alice.matrix.ask(method, f"{prefix}/{path}", token=token, body=people.fill(body))
    assert answer.outcome == outcome, answer.body


def test_every_failed_login_reads_the_same(matrix: Matrix, open_installation: Installation) -> None:
    alice, without_password = matrix.register().name, matrix.register().name
    operating.take_password(open_installation.database, without_password)
    claims: list[dict[str, Any]] = [
        {"identifier": user(alice), "password": "wrong horse battery"},
        {"identifier": user(new_name()), "password": PASSWORD},
        {"identifier": user(f"@{alice}:elsewhere.org"), "password": PASSWORD},
        {"identifier": user(without_password), "password": PASSWORD},
        {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "a@b.test"}, "password": PASSWORD},
        {"identifier": {"type": "m.id.phone", "country": "GB", "phone": "07700900001"}, "password": PASSWORD},
        {"identifier": {"type": "m.id.phone", "country": "GB", "number": "07700900001"}, "password": PASSWORD},
        {"medium": "email", "address": "a@b.test", "password": PASSWORD},
        {"user": alice, "password": ""},
    ]
    bodies = {matrix.post("v3/login", {"type": "m.login.password", **claim}).body for claim in claims}
    assert bodies == {b'{"errcode":"M_FORBIDDEN","error":"Invalid username or password"}'}


def test_login_of_a_deactivated_account_is_forbidden(matrix: Matrix) -> None:
    alice = matrix.register()
    login_token = matrix.login_token(alice)
    assert matrix.proved("POST", "v3/account/deactivate", asking=alice).status == 200
    body = {"type": "m.login.password", "identifier": user(alice.name), "password": PASSWORD}
    answer = matrix.post("v3/login", body)
    assert answer.status == 403
    assert answer.errcode in {"M_FORBIDDEN", "M_USER_DEACTIVATED"}
    by_token = matrix.post("v3/login", {"type": "m.login.token", "token": login_token})
    assert by_token.outcome == (403, "M_FORBIDDEN")
    assert matrix.get("v3/devices", token=alice.access_token).outcome == (401, "M_UNKNOWN_TOKEN")
    assert matrix.post("v3/register", {"username": alice.name}).outcome == (400, "M_USER_IN_USE")


def test_lock_shows_only_with_the_right_password(matrix: Matrix, administrator: Session) -> None:
    alice = matrix.register()
    login_token = matrix.login_token(alice)
    matrix.moderate(administrator, "lock", alice, locked=True)
    body = {"type": "m.login.password", "identifier": user(alice.name), "password": PASSWORD}
    locked = matrix.post("v3/login", body)
    assert locked.outcome == (401, "M_USER_LOCKED")
    assert locked.json["soft_logout"] is True
    assert matrix.post("v3/login", {**body, "password": "wrong horse"}).outcome == (403, "M_FORBIDDEN")
    assert matrix.post("v3/login", {"type": "m.login.token", "token": login_token}).status in {401, 403}


def test_login_token_opens_one_session(matrix: Matrix) -> None:
    alice = matrix.register()
    body = {"type": "m.login.token", "token": matrix.login_token(alice)}
    answer = matrix.post("v3/login", body)
    assert answer.json["user_id"] == alice.user_id
    assert answer.json["device_id"] != alice.device_id
    assert matrix.post("v3/login", body).outcome == (403, "M_FORBIDDEN")


def test_login_token_dies_with_the_session_that_asked(matrix: Matrix) -> None:
    alice = matrix.register()
    token = matrix.login_token(alice)
    matrix.post("v3/logout", token=alice.access_token)
    assert matrix.post("v3/login", {"type": "m.login.token", "token": token}).outcome == (403, "M_FORBIDDEN")


def test_expired_login_token_is_refused(matrix: Matrix, open_installation: Installation) -> None:
    alice = matrix.register()
    token = matrix.login_token(alice)
    operating.expire_login_tokens(open_installation.database, alice.name)
    assert matrix.post("v3/login", {"type": "m.login.token", "token": token}).outcome == (403, "M_FORBIDDEN")


def test_account_without_a_password_proves_itself_in_a_browser(matrix: Matrix, open_installation: Installation) -> None:
    alice = matrix.register()
    operating.take_password(open_installation.database, alice.name)
    answer = matrix.post("v1/login/get_token", {}, token=alice.access_token)
    assert answer.status == 401
    assert {"stages": ["m.login.sso"]} in answer.json["flows"]
    assert {"stages": ["m.login.password"]} not in answer.json["flows"]


def test_suspended_account_changes_nothing_others_see(matrix: Matrix, administrator: Session) -> None:
    alice = matrix.register(refresh_token=True)
    matrix.moderate(administrator, "suspend", alice, suspended=True)
    suspended = (403, "M_USER_SUSPENDED")
    path = f"v3/profile/{encoded(alice.user_id)}/displayname"
    assert matrix.ask("PUT", path, token=alice.access_token, body={"displayname": "x"}).outcome == suspended
    removal = {"medium": "email", "address": "a@b.test"}
    assert matrix.post("v3/account/3pid/delete", removal, token=alice.access_token).outcome == suspended
    renamed = matrix.ask("PUT", f"v3/devices/{alice.device_id}", token=alice.access_token, body={"display_name": "x"})
    assert renamed.status == 200
    assert matrix.post("v3/refresh", {"refresh_token": alice.refresh_token}).status == 200
    assert matrix.log_in(alice.name).user_id == alice.user_id
    again = matrix.log_in(alice.name)
    assert matrix.proved("POST", "v3/account/deactivate", asking=again).status == 200


def test_administrator_moderates_others_but_no_administrator(
    matrix: Matrix, administrator: Session, open_installation: Installation
) -> None:
    bob, dave = matrix.register(), matrix.register()
    operating.make_administrator(open_installation.database, dave.name)
    assert matrix.moderate(administrator, "lock", bob, locked=True).json == {"locked": True}
    assert matrix.get("v3/devices", token=bob.access_token).outcome == (401, "M_USER_LOCKED")
    assert matrix.moderate(administrator, "lock", bob, locked=False).json == {"locked": False}
    assert matrix.moderate(administrator, "suspend", bob, suspended=True).json == {"suspended": True}
    for whom in (administrator, dave):
        assert matrix.moderate(administrator, "lock", whom, locked=True).outcome == (403, "M_FORBIDDEN")
        assert matrix.moderate(administrator, "suspend", whom, suspended=True).outcome == (403, "M_FORBIDDEN")
    nobody = replace(bob, user_id="@nobody:localhost")
    assert matrix.moderate(administrator, "lock", nobody, locked=True).outcome == (404, "M_NOT_FOUND")
    capabilities = matrix.get("v3/capabilities", token=administrator.access_token).json["capabilities"]
    assert capabilities["m.account_moderation"] == {"lock": True, "suspend": True}


def _changed_password(matrix: Matrix, alice: Session, **more: Any) -> None:
    body = {"new_password": "another horse battery", **more}
    assert matrix.proved("POST", "v3/account/password", body, asking=alice).status == 200


@pytest.mark.parametrize(("more", "other_lives"), [({}, False), ({"logout_devices": False}, True)], ids=str)
def test_new_password_ends_other_sessions_unless_told(more: dict[str, Any], other_lives: bool, matrix: Matrix) -> None:
    alice = matrix.register()
    other = matrix.log_in(alice.name, refresh_token=True)
    _changed_password(matrix, alice, **more)
    assert matrix.get("v3/account/whoami", token=alice.access_token).status == 200
    outcome = matrix.get("v3/account/whoami", token=other.access_token).outcome
    assert outcome == ((200, "") if other_lives else (401, "M_UNKNOWN_TOKEN"))
    assert matrix.log_in(alice.name, password="another horse battery").user_id == alice.user_id


def test_door_that_is_shut_says_so(shut_installation: Installation) -> None:
    matrix = Matrix(shut_installation.server.port)
    assert matrix.get("v3/login").outcome == (404, "M_UNRECOGNIZED")
    assert matrix.post("v3/login", {**_LOGIN}).outcome == (404, "M_UNRECOGNIZED")
    assert matrix.post("v1/login/get_token", {}).outcome == (404, "M_UNRECOGNIZED")
    assert matrix.post("v3/register", {}).outcome == (403, "M_FORBIDDEN")
    assert matrix.get("v3/register/available?username=a").outcome == (403, "M_FORBIDDEN")
    validity = matrix.get("v1/register/m.login.registration_token/validity?token=a")
    assert validity.outcome == (403, "M_FORBIDDEN")
    assert matrix.get("/.well-known/matrix/client").status == 404


def test_validity_needs_a_token_and_knows_none_by_chance(matrix: Matrix) -> None:
    path = "v1/register/m.login.registration_token/validity"
    assert matrix.get(path).outcome == (400, "M_MISSING_PARAM")
    assert matrix.get(f"{path}?token=unknown").json == {"valid": False}
    assert matrix.get(f"{path}?token=%20%20").json == {"valid": False}
