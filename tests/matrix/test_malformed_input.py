"""R1–R3 at the Matrix door: whatever is sent, the answer is below 500 and in the door's form."""

import json

import pytest

from tests.matrix.people import API, proof, register

pytestmark = pytest.mark.django_db
ODD = [7, 1.5, "", "x" * 3000, "é\u202e\n@:", [], ["x", 7], {"type": {}}]
CREDENTIALS = {"sid": "x", "client_secret": "y"}
CALLS = {
    ("POST", f"{API}/login"): {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "ann", "medium": "email", "address": "a@b.c", "country": "GB"},
        "user": "ann",
        "medium": "email",
        "address": "ann@example.org",
        "password": "correct horse battery",
        "device_id": "D",
        "initial_device_display_name": "x",
        "refresh_token": True,
    },
    ("POST", f"{API}/login "): {"type": "m.login.token", "token": "x"},
    ("POST", f"{API}/refresh"): {"refresh_token": "x"},
    ("POST", "/_matrix/client/r0/tokenrefresh"): {"refresh_token": "x"},
    ("POST", f"{API}/register"): {
        "username": "bea",
        "password": "correct horse battery",
        "device_id": "D",
        "initial_device_display_name": "x",
        "inhibit_login": True,
        "refresh_token": True,
        "auth": {"type": "m.login.dummy", "session": "x"},
    },
    ("POST", f"{API}/register/email/requestToken"): {
        "client_secret": "x",
        "email": "bea@example.org",
        "send_attempt": 1,
        "next_link": "https://localhost/",
        "id_server": "x",
    },
    ("POST", f"{API}/account/password"): {
        "new_password": "correct horse battery 2",
        "logout_devices": True,
        "auth": {"type": "m.login.email.identity", "threepid_creds": CREDENTIALS, "threepidCreds": CREDENTIALS},
    },
    ("POST", f"{API}/account/password/email/requestToken"): {"client_secret": "x", "email": "a@b.c", "send_attempt": 1},
    ("POST", f"{API}/account/deactivate"): {"erase": True, "auth": {"type": "m.login.password", "session": "x"}},
    ("POST", f"{API}/account/3pid/add"): {**CREDENTIALS, "auth": {"type": "m.login.password"}},
    ("POST", f"{API}/account/3pid"): {"three_pid_creds": CREDENTIALS},
    ("POST", f"{API}/account/3pid/delete"): {"medium": "email", "address": "a@b.c", "id_server": "x"},
    ("POST", f"{API}/account/3pid/bind"): {**CREDENTIALS, "id_server": "x", "id_access_token": "x"},
    ("POST", f"{API}/account/3pid/unbind"): {"medium": "email", "address": "a@b.c"},
    ("POST", f"{API}/account/3pid/email/requestToken"): {"client_secret": "x", "email": "a@b.c", "send_attempt": 1},
    ("PUT", f"{API}/devices/D"): {"display_name": "x"},
    ("DELETE", f"{API}/devices/D"): {"auth": {"type": "m.login.password", "identifier": {"type": "m.id.user"}}},
    ("POST", f"{API}/delete_devices"): {"devices": ["D"], "auth": {"type": "m.login.password", "password": "x"}},
    ("POST", "/_matrix/client/v1/login/get_token"): {"auth": {"type": "m.login.token", "token": "x", "txn_id": "x"}},
    ("PUT", f"{API}/profile/@ann:localhost/displayname"): {"displayname": "x"},
    ("PUT", "/_matrix/client/v1/admin/lock/@ann:localhost"): {"locked": True},
    ("PUT", "/_matrix/client/v1/admin/suspend/@ann:localhost"): {"suspended": True},
}


@pytest.fixture
def ann(client, settings):
    settings.RATE_LIMIT_SCALE = 1000
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of passwords are hashed
    return register(client, "ann")


def is_well_answered(answer):
    assert answer.status < 500, answer.text
    assert len(answer.body) < 4096
    assert "Traceback" not in answer.text
    body = answer.json()
    assert isinstance(body, dict)
    if answer.status >= 400 and "session" not in body:
        assert isinstance(body["errcode"], str)
        assert isinstance(body["error"], str)


def changed(body, path, value):
    """The body with one member, however deep, replaced."""
    key, *rest = path
    return {**body, key: changed(body[key], rest, value) if rest else value}


def members(body, before=()):
    for key, value in body.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from members(value, (*before, key))


@pytest.mark.parametrize(("call", "body"), CALLS.items(), ids=[f"{method} {path}" for method, path in CALLS])
def test_a_member_of_any_wrong_kind(client, ann, call, body):
    method, path = call
    for member in members(body):
        for value in ODD:
            answer = client.request(method, path.strip(), data=changed(body, member, value), token=ann.token)
            is_well_answered(answer)


@pytest.mark.parametrize(
    "part", ["%00", "%ff", "%ed%a0%80", "%2F", "%2e%2e", "a%0d%0ab", "%E2%80%AE", "x" * 600, "%25"]
)
@pytest.mark.parametrize("path", [f"{API}/devices/", f"{API}/profile/", "/_matrix/client/v1/admin/lock/"])
def test_odd_parts_of_a_path(client, ann, path, part):
    for method in ("GET", "PUT", "DELETE"):
        is_well_answered(client.request(method, path + part, data={"display_name": "x"}, token=ann.token))


@pytest.mark.parametrize(
    "query",
    ["username=%00", "username=%ff", "username=%ed%a0%80", "username=a&username=b", "token=%00", "=&&=", "kind=%00"],
)
@pytest.mark.parametrize(
    "path",
    [
        f"{API}/register/available",
        "/_matrix/client/v1/register/m.login.registration_token/validity",
        f"{API}/register",
        f"{API}/login",
    ],
)
def test_odd_queries(client, path, query):
    for method in ("GET", "POST"):
        is_well_answered(client.request(method, f"{path}?{query}", body=b"{}"))


@pytest.mark.parametrize("token", ["\xff", "mat_", "mat_x_y", "mat_" + "x" * 5000, "%00", "\x00", "a b", "mat_é_1_2"])
def test_odd_tokens(client, token):
    for headers, query in (({"Authorization": f"Bearer {token}"}, ""), ({}, f"?access_token={token}")):
        for path in ("account/whoami", "devices"):
            answer = client.get(f"{API}/{path}{query}", headers=headers)
            assert answer.json()["errcode"] in {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"}


def test_nothing_of_a_refused_body_is_echoed_at_length(client, ann):
    secret = "y" * 1500
    for data in (proof("ann", secret), {"type": secret}, {"type": "m.login.password", "identifier": {"type": secret}}):
        assert secret[:600] not in client.post(f"{API}/login", data=data).text


def test_deep_and_wide_bodies(client):
    for body in (
        b'{"a":' * 10_000,
        json.dumps({str(n): n for n in range(2000)}).encode(),
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
    ):
        answer = client.post(f"{API}/login", body=body)
        assert (answer.status, answer.json()["errcode"]) == (400, "M_NOT_JSON")
