"""Password, deactivation, devices, login tokens, profile, moderation (matrix.md §6, §10, §11, §16)."""

from datetime import timedelta

import pytest
import time_machine

from accounts import clock, users
from accounts.models import Device, Token, User
from tests.matrix.people import API, PASSWORD, log_in, logged_in, proof, register, who_am_i

pytestmark = pytest.mark.django_db
NEW = "a new good password"


@pytest.fixture
def ann(client):
    return register(client, "ann")


def error(answer):
    return answer.status, answer.json()["errcode"]


def change(client, person, **more):
    return client.post(f"{API}/account/password", data={"new_password": NEW, **more}, token=person.token)


# --- password ---


def test_a_new_password_ends_all_other_devices_and_spares_the_caller(client, ann):
    other = logged_in(client, "ann", refresh_token=True)
    assert change(client, ann, auth=ann.proof).json() == {}
    assert who_am_i(client, ann.token).status == 200
    assert who_am_i(client, other.token).json()["soft_logout"] is False
    assert client.post(f"{API}/refresh", data={"refresh_token": other.refresh_token}).status == 401
    assert [device.device_id for device in Device.objects.all()] == [ann.device_id]
    assert log_in(client, "ann").status == 403
    assert log_in(client, "ann", NEW).status == 200


def test_logout_devices_false_spares_all_but_remembered_logins(client, ann):
    other = logged_in(client, "ann")
    user = User.objects.get(username="ann")
    remembered = Token.objects.create(user=user, flow="otp", kind="remembered", digest=b"r" * 32)
    assert change(client, ann, logout_devices=False, auth=ann.proof).status == 200
    assert who_am_i(client, other.token).status == 200
    remembered.refresh_from_db()
    assert remembered.revoked_at is not None


def test_a_refreshable_session_that_changes_the_password_goes_on_refreshing(client, ann):
    mine = logged_in(client, "ann", refresh_token=True)
    assert change(client, mine, auth=ann.proof).status == 200
    assert client.post(f"{API}/refresh", data={"refresh_token": mine.refresh_token}).status == 200


def test_the_session_holds_the_new_password_as_a_hash_and_to_the_first_one(client, ann):
    session = change(client, ann).json()["session"]
    auth = {**ann.proof, "session": session}
    other = client.post(f"{API}/account/password", data={"new_password": "another one", "auth": auth}, token=ann.token)
    assert error(other) == (403, "M_UNKNOWN")
    assert client.post(f"{API}/account/password", data={"auth": auth}, token=ann.token).status == 200
    assert log_in(client, "ann", NEW).status == 200


def test_a_repeat_of_a_password_change_is_a_success_that_does_nothing(client, ann):
    session = change(client, ann).json()["session"]
    auth = {**ann.proof, "session": session}
    assert change(client, ann, auth=auth).status == 200
    other = logged_in(client, "ann", device_id="NEW") if log_in(client, "ann", NEW).status == 403 else None
    assert other is None
    assert change(client, ann, auth=auth).json() == {}


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({}, "M_MISSING_PARAM"),
        ({"new_password": "short"}, "M_WEAK_PASSWORD"),
        ({"new_password": 7}, "M_BAD_JSON"),
        ({"new_password": NEW, "logout_devices": "no"}, "M_BAD_JSON"),
    ],
)
def test_a_bad_new_password_is_told_before_any_proof(client, ann, body, errcode):
    assert error(client.post(f"{API}/account/password", data=body, token=ann.token)) == (400, errcode)


def test_without_a_token_a_reset_by_mail_is_offered(client, ann):
    answer = client.post(f"{API}/account/password", data={"new_password": NEW})
    assert answer.json()["flows"] == [{"stages": ["m.login.email.identity"]}]


# --- deactivation ---


def test_deactivation_asks_for_a_proof_and_keeps_the_name_taken(client, ann):
    answer = client.post(f"{API}/account/deactivate", token=ann.token)
    assert answer.json()["flows"] == [{"stages": ["m.login.password"]}]
    done = client.post(f"{API}/account/deactivate", data={"erase": True, "auth": ann.proof}, token=ann.token)
    assert done.json() == {"id_server_unbind_result": "success"}
    assert error(who_am_i(client, ann.token)) == (401, "M_UNKNOWN_TOKEN")
    assert error(log_in(client, "ann")) == (403, "M_FORBIDDEN")
    assert error(client.post(f"{API}/register", data={"username": "ann"})) == (400, "M_USER_IN_USE")


# --- devices ---


def test_devices_have_all_keys_and_only_those_of_matrix_are_seen(client, ann):
    user = User.objects.get(username="ann")
    Device.objects.create(user=user, kind=Device.Kind.SESSION, device_id="session")
    [device] = client.get(f"{API}/devices", token=ann.token).json()["devices"]
    assert set(device) >= {"device_id", "display_name", "last_seen_ip", "last_seen_ts"}
    assert (device["device_id"], device["display_name"], device["last_seen_ip"]) == (
        ann.device_id,
        None,
        client.address,
    )
    assert isinstance(device["last_seen_ts"], int)
    assert error(client.get(f"{API}/devices/session", token=ann.token)) == (404, "M_NOT_FOUND")


def test_a_device_id_may_hold_anything_percent_encoded(client, ann):
    odd = logged_in(client, "ann", device_id="a/b c?é")
    path = f"{API}/devices/a%2Fb%20c%3F%C3%A9"
    assert client.get(path, token=ann.token).json()["device_id"] == odd.device_id
    assert error(client.get(f"{API}/devices/a/b%20c%3F%C3%A9", token=ann.token)) == (404, "M_UNRECOGNIZED")
    assert error(client.get(f"{API}/devices/{ann.device_id}/", token=ann.token)) == (404, "M_UNRECOGNIZED")


def test_renaming_a_device(client, ann):
    path = f"{API}/devices/{ann.device_id}"
    assert client.put(path, data={"display_name": "laptop"}, token=ann.token).json() == {}
    assert client.put(path, data={"display_name": None}, token=ann.token).json() == {}
    assert client.get(path, token=ann.token).json()["display_name"] == "laptop"
    assert error(client.put(path, data={"display_name": 7}, token=ann.token)) == (400, "M_BAD_JSON")
    assert error(client.put(path, data={"display_name": "x" * 101}, token=ann.token)) == (400, "M_TOO_LARGE")
    assert error(client.put(f"{API}/devices/NONE", data={"display_name": "x"}, token=ann.token)) == (
        404,
        "M_NOT_FOUND",
    )


def test_deleting_devices_takes_a_proof_and_their_tokens(client, ann):
    one, two, three = (logged_in(client, "ann", refresh_token=True) for _ in range(3))
    path = f"{API}/devices/{one.device_id}"
    session = client.delete(path, token=ann.token).json()["session"]
    assert client.delete(path, data={"auth": {**ann.proof, "session": session}}, token=ann.token).json() == {}
    assert error(who_am_i(client, one.token)) == (401, "M_UNKNOWN_TOKEN")
    assert client.delete(f"{API}/devices/NONE", data={"auth": ann.proof}, token=ann.token).json() == {}
    many = {"devices": [two.device_id, three.device_id, "NONE"]}
    assert client.post(f"{API}/delete_devices", data=many | {"auth": ann.proof}, token=ann.token).json() == {}
    assert [device.device_id for device in Device.objects.all()] == [ann.device_id]
    assert error(client.post(f"{API}/delete_devices", data={}, token=ann.token)) == (400, "M_MISSING_PARAM")
    assert error(client.post(f"{API}/delete_devices", data={"devices": "X"}, token=ann.token)) == (400, "M_BAD_JSON")


def test_nobody_deletes_a_strangers_device(client, ann):
    bea = register(client, "bea")
    assert client.delete(f"{API}/devices/{bea.device_id}", data={"auth": ann.proof}, token=ann.token).status == 200
    assert who_am_i(client, bea.token).status == 200


def test_ones_own_device_can_be_deleted(client, ann):
    answer = client.delete(f"{API}/devices/{ann.device_id}", data={"auth": ann.proof}, token=ann.token)
    assert answer.json() == {}
    assert error(who_am_i(client, ann.token)) == (401, "M_UNKNOWN_TOKEN")


# --- login tokens ---

GET_TOKEN = "/_matrix/client/v1/login/get_token"


def login_token(client, person):
    answer = client.post(GET_TOKEN, data={"auth": person.proof}, token=person.token)
    assert answer.status == 200, answer.text
    return answer.json()["login_token"]


def with_token(client, token, **more):
    return client.post(f"{API}/login", data={"type": "m.login.token", "token": token, **more})


@pytest.mark.parametrize("path", [GET_TOKEN, "/_matrix/client/unstable/org.matrix.msc3882/login/token"])
def test_a_login_token_needs_a_proof_and_logs_in_once(client, ann, path):
    asked = client.post(path, token=ann.token)
    assert (asked.status, asked.json()["flows"]) == (401, [{"stages": ["m.login.password"]}])
    body = client.post(path, data={"auth": ann.proof}, token=ann.token).json()
    assert (body["expires_in_ms"], body["expires_in"]) == (120_000, 120)
    opened = with_token(client, body["login_token"], device_id="NEW", refresh_token=True)
    assert (opened.json()["user_id"], opened.json()["device_id"]) == ("@ann:localhost", "NEW")
    assert error(with_token(client, body["login_token"])) == (403, "M_FORBIDDEN")


@pytest.mark.usefixtures("standing_clock")
def test_one_login_token_a_minute(client, ann):
    login_token(client, ann)
    assert error(client.post(GET_TOKEN, data={"auth": ann.proof}, token=ann.token)) == (429, "M_LIMIT_EXCEEDED")


def test_a_login_token_dies_with_its_time_its_session_and_its_account(client, ann):
    other = logged_in(client, "ann")
    now = clock.now()
    late = login_token(client, ann)
    with time_machine.travel(now + timedelta(seconds=121), tick=False):
        assert error(with_token(client, late)) == (403, "M_FORBIDDEN")
        orphan = login_token(client, other)
        client.post(f"{API}/logout", token=other.token)
        assert error(with_token(client, orphan)) == (403, "M_FORBIDDEN")
    with time_machine.travel(now + timedelta(seconds=300), tick=False):
        last = login_token(client, ann)
        users.deactivate(User.objects.get(username="ann"))
        assert error(with_token(client, last)) == (403, "M_FORBIDDEN")


def test_a_login_token_is_no_access_token_and_a_locked_account_does_not_log_in_with_it(client, ann):
    token = login_token(client, ann)
    assert error(who_am_i(client, token)) == (401, "M_UNKNOWN_TOKEN")
    users.lock(User.objects.get(username="ann"))
    assert error(with_token(client, token)) == (401, "M_USER_LOCKED")


def test_get_token_can_be_switched_off_and_is_announced_truthfully(client, ann, settings):
    settings.MATRIX_GET_LOGIN_TOKEN = False
    assert error(client.post(GET_TOKEN, data={"auth": ann.proof}, token=ann.token)) == (404, "M_UNRECOGNIZED")
    assert client.get(f"{API}/login").json()["flows"][1]["get_login_token"] is False
    found = client.get(f"{API}/capabilities", token=ann.token).json()["capabilities"]
    assert found["m.get_login_token"] == {"enabled": False}


def test_an_account_without_a_password_gets_no_login_token_and_proves_itself_with_one(client, ann, settings):
    settings.MATRIX_SSO = False
    token = login_token(client, ann)
    User.objects.filter(username="ann").update(password="!")
    assert error(client.post(GET_TOKEN, token=ann.token))[0] == 400
    auth = {"type": "m.login.token", "token": token, "txn_id": "1"}
    asked = client.post(f"{API}/delete_devices", data={"devices": ["X"]}, token=ann.token).json()
    assert asked["flows"] == [{"stages": ["m.login.token"]}]
    body = {"devices": ["X"], "auth": {**auth, "session": asked["session"]}}
    assert client.post(f"{API}/delete_devices", data=body, token=ann.token).json() == {}


# --- what others see, and moderation ---


def test_the_profile_and_its_own_name(client, ann):
    path = f"{API}/profile/@ann:localhost/displayname"
    assert client.put(path, data={"displayname": "Ann 🌼"}, token=ann.token).json() == {}
    assert client.get(path).json() == {"displayname": "Ann 🌼"}
    assert client.get("/_matrix/client/api/v1/profile/%40ann%3Alocalhost").json() == {"displayname": "Ann 🌼"}
    bea = register(client, "bea")
    assert error(client.put(path, data={"displayname": "x"}, token=bea.token)) == (403, "M_FORBIDDEN")
    assert error(client.put(path, data={"displayname": 7}, token=ann.token)) == (400, "M_BAD_JSON")
    assert error(client.put(path, data={"displayname": "x" * 300}, token=ann.token)) == (400, "M_TOO_LARGE")
    for nobody in ("@nobody:localhost", "@ann:elsewhere.org", "ann"):
        assert error(client.get(f"{API}/profile/{nobody}")) == (404, "M_NOT_FOUND")


def test_a_suspended_account_logs_in_and_changes_nothing_that_others_see(client, ann):
    users.suspend(User.objects.get(username="ann"))
    assert who_am_i(client, ann.token).status == 200
    assert log_in(client, "ann").status == 200
    path = f"{API}/profile/@ann:localhost/displayname"
    assert error(client.put(path, data={"displayname": "x"}, token=ann.token)) == (403, "M_USER_SUSPENDED")
    assert client.post(f"{API}/account/deactivate", data={"auth": ann.proof}, token=ann.token).status == 200


@pytest.mark.parametrize(("verb", "key"), [("lock", "locked"), ("suspend", "suspended")])
def test_administrators_lock_and_suspend_over_the_api(client, ann, verb, key):
    users.create("root", password=PASSWORD, administrator=True, by_administrator=True)
    users.create("other-root", password=PASSWORD, administrator=True, by_administrator=True)
    root = logged_in(client, "root")
    path = f"/_matrix/client/v1/admin/{verb}/@ann:localhost"
    assert client.get(path, token=root.token).json() == {key: False}
    assert client.put(path, data={key: True}, token=root.token).json() == {key: True}
    assert client.get(path, token=root.token).json() == {key: True}
    assert client.put(path, data={key: False}, token=root.token).json() == {key: False}
    assert who_am_i(client, ann.token).status == 200
    assert error(client.put(path, data={}, token=root.token)) == (400, "M_MISSING_PARAM")
    assert error(client.put(path, data={key: 1}, token=root.token)) == (400, "M_BAD_JSON")
    assert error(client.put(path, data={key: True}, token=ann.token)) == (403, "M_FORBIDDEN")
    for who in ("root", "other-root"):
        own = f"/_matrix/client/v1/admin/{verb}/@{who}:localhost"
        assert error(client.put(own, data={key: True}, token=root.token)) == (403, "M_FORBIDDEN")
    missing = f"/_matrix/client/v1/admin/{verb}/@nobody:localhost"
    assert error(client.get(missing, token=root.token)) == (404, "M_NOT_FOUND")


def test_capabilities_state_the_false_ones(client, ann):
    found = client.get(f"{API}/capabilities", token=ann.token).json()["capabilities"]
    assert found["m.set_avatar_url"] == {"enabled": False}
    assert found["m.change_password"] == {"enabled": True}
    assert "m.account_moderation" not in found
    users.create("root", password=PASSWORD, administrator=True, by_administrator=True)
    root = logged_in(client, "root")
    found = client.get(f"{API}/capabilities", token=root.token).json()["capabilities"]
    assert found["m.account_moderation"] == {"lock": True, "suspend": True}


def test_a_proof_is_good_for_one_call(client, ann):
    first = client.post(f"{API}/delete_devices", data={"devices": ["X"]}, token=ann.token).json()["session"]
    auth = {**proof("ann"), "session": first}
    body = {"devices": ["X"], "auth": auth}
    assert client.post(f"{API}/delete_devices", data=body, token=ann.token).status == 200
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        assert error(client.post(f"{API}/delete_devices", data=body, token=ann.token)) == (400, "M_UNKNOWN")
