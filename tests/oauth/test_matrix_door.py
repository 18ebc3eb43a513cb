"""Tokens of OAuth at the Matrix door: like its own, but nothing that needs a proof (matrix-oauth.md §7)."""

import pytest
from django.test import override_settings

from accounts import clock
from accounts.models import Device
from tests.matrix.people import logged_in
from tests.oauth import people
from tests.oauth.people import device_scope, signed_in, who_am_i

pytestmark = pytest.mark.django_db
API = "/_matrix/client/v3"


@pytest.fixture
def session(client, ann, program):
    return signed_in(client, ann, program)


def test_ordinary_calls_work(client, ann, session):
    devices = client.get(f"{API}/devices", token=session.access).json()["devices"]
    assert [device["device_id"] for device in devices] == ["AAABBBCCCDDD"]
    renamed = client.put(f"{API}/devices/AAABBBCCCDDD", token=session.access, data={"display_name": "Mine"})
    assert renamed.status == 200
    path = f"{API}/profile/@ann:localhost/displayname"
    assert client.put(path, token=session.access, data={"displayname": "Ann"}).status == 200
    assert client.get(f"{API}/account/3pid", token=session.access).json() == {"threepids": []}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "devices/AAABBBCCCDDD", {}),
        ("POST", "delete_devices", {"devices": ["AAABBBCCCDDD"]}),
        ("POST", "account/password", {"new_password": "another long one 9"}),
        ("POST", "account/deactivate", {}),
        ("POST", "account/3pid/add", {"sid": "s", "client_secret": "c"}),
        ("POST", "account/3pid", {"three_pid_creds": {"sid": "s", "client_secret": "c"}}),
    ],
)
def test_what_needs_a_proof_is_done_on_the_account_page(client, ann, session, method, path, body):
    proof = {"type": "m.login.password", "user": "ann", "password": people.PASSWORD}
    answer = client.request(method, f"{API}/{path}", token=session.access, data={**body, "auth": proof})
    assert (answer.status, answer.json()["errcode"]) == (403, "M_FORBIDDEN")
    assert "http://localhost:8000/account/" in answer.json()["error"]
    assert who_am_i(client, session.access).status == 200


def test_a_login_token_is_not_given(client, session):
    answer = client.post("/_matrix/client/v1/login/get_token", token=session.access, data={})
    assert (answer.status, answer.json()["errcode"]) == (404, "M_UNRECOGNIZED")


def test_capabilities_say_so(client, ann, session):
    told = client.get(f"{API}/capabilities", token=session.access).json()["capabilities"]
    for name in ("m.change_password", "m.3pid_changes", "m.get_login_token"):
        assert told[name] == {"enabled": False}
    legacy = logged_in(client, "ann")
    told = client.get(f"{API}/capabilities", token=legacy.token).json()["capabilities"]
    assert told["m.change_password"] == told["m.3pid_changes"] == {"enabled": True}


def test_logout_ends_the_session_and_its_device(client, ann, program, session):
    assert client.post(f"{API}/logout", token=session.access).status == 200
    assert who_am_i(client, session.access).status == 401
    assert people.error(people.refresh(client, session.refresh, program)) == (400, "invalid_grant")
    assert not Device.objects.filter(user=ann, kind=Device.Kind.MATRIX).exists()


def test_a_lapsed_token_can_still_log_out(client, program, session, time_machine):
    time_machine.move_to(clock.after(301))
    assert client.post(f"{API}/logout", token=session.access).status == 200
    assert people.error(people.refresh(client, session.refresh, program)) == (400, "invalid_grant")


@pytest.mark.parametrize("by", ["oauth", "legacy"])
def test_logout_everywhere_ends_both_kinds(client, ann, session, by):
    legacy = logged_in(client, "ann").token
    token = session.access if by == "oauth" else legacy
    assert client.post(f"{API}/logout/all", token=token).status == 200
    assert who_am_i(client, session.access).status == 401
    assert who_am_i(client, legacy).status == 401


def test_a_login_on_the_same_device_ends_the_oauth_session(client, ann, session):
    logged_in(client, "ann", device_id="AAABBBCCCDDD")
    assert who_am_i(client, session.access).status == 401


def test_the_scope_decides_what_opens(client, ann, program, session):
    unstable = "urn:matrix:org.matrix.msc2967.client:"
    scope = f"{unstable}api:* {unstable}device:UNSTABLE00"
    assert who_am_i(client, signed_in(client, ann, program, scope=scope).access).status == 200
    identity = signed_in(client, ann, program, scope="openid email")
    answer = who_am_i(client, identity.access)
    assert (answer.status, answer.json()["errcode"]) == (401, "M_UNKNOWN_TOKEN")


@override_settings(PUBLIC_URL_IS_SET=True)
def test_the_well_known_file_names_issuer_and_account_page(client):
    told = client.get("/.well-known/matrix/client").json()["org.matrix.msc2965.authentication"]
    assert told == {"issuer": "http://localhost:8000/", "account": "http://localhost:8000/account/"}


def test_two_devices_of_one_person_live_side_by_side(client, ann, program, session):
    other = signed_in(client, ann, program, scope=device_scope("DDDEEEFFFGGG"))
    assert who_am_i(client, session.access).status == 200
    assert who_am_i(client, other.access).json()["device_id"] == "DDDEEEFFFGGG"
