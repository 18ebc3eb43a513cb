"""Registration and interactive auth (matrix.md §5, §7)."""

import re
from datetime import timedelta

import pytest
import time_machine

from accounts import clock, registration_tokens, rules, users
from accounts.models import AcceptedDocument, AuditEvent, Challenge, Device, Token, User
from tests.matrix.people import API, DUMMY, PASSWORD, log_in, logged_in, proof, register, who_am_i

pytestmark = pytest.mark.django_db
TERMS = {"privacy_policy": {"version": "1.0", "en": {"name": "Privacy policy", "url": "https://example.org/privacy"}}}


def ask(client, **body):
    return client.post(f"{API}/register", data=body)


def session_of(answer):
    assert answer.status == 401, answer.text
    return answer.json()["session"]


def error(answer):
    return answer.status, answer.json()["errcode"]


def test_one_request_with_dummy_registers(client):
    answer = ask(client, username="Ann", password=PASSWORD, auth=DUMMY)
    body = answer.json()
    assert set(body) == {"user_id", "home_server", "access_token", "device_id"}
    assert body["user_id"] == "@ann:localhost"
    assert who_am_i(client, body["access_token"]).json()["user_id"] == "@ann:localhost"
    assert client.get(f"{API}/profile/@ann:localhost").json() == {"displayname": "ann"}
    assert log_in(client, "ann").status == 200


def test_without_auth_the_flows_are_told_and_nothing_is_made(client):
    for auth in (None, {}, "no object", [], {"initial_device_display_name": "nio"}):
        answer = ask(client, username="ann", password=PASSWORD, **({} if auth is None else {"auth": auth}))
        assert answer.status == 401
        assert set(answer.json()) == {"session", "flows", "params"}
        assert answer.json()["flows"] == [{"stages": ["m.login.dummy"]}]
        assert answer.json()["params"] == {}
    assert not User.objects.exists()


def test_an_empty_body_gets_the_flows_and_the_password_is_missed_only_after_them(client):
    session = session_of(ask(client))
    assert error(ask(client, auth={**DUMMY, "session": session})) == (400, "M_MISSING_PARAM")


def test_the_session_remembers_the_first_body_and_no_password_in_clear(client):
    session = session_of(ask(client, username="ann", password=PASSWORD, device_id="D", initial_device_display_name="x"))
    assert PASSWORD not in str(Challenge.objects.get().facts)
    body = ask(client, auth={**DUMMY, "session": session}).json()
    assert (body["user_id"], body["device_id"]) == ("@ann:localhost", "D")
    assert log_in(client, "ann").status == 200


def test_a_later_body_replaces_the_first(client):
    session = session_of(ask(client, username="ann", password=PASSWORD))
    again = ask(client, username="bea", password="another good one", auth={**DUMMY, "session": session})
    assert again.json()["user_id"] == "@bea:localhost"
    assert log_in(client, "bea", "another good one").status == 200
    assert not User.objects.filter(username="ann").exists()


def test_an_unknown_or_expired_session_is_400(client):
    assert error(ask(client, username="ann", password=PASSWORD, auth={**DUMMY, "session": "nonsense"})) == (
        400,
        "M_UNKNOWN",
    )
    session = session_of(ask(client, username="ann", password=PASSWORD))
    with time_machine.travel(clock.now() + timedelta(seconds=3601), tick=False):
        assert error(ask(client, auth={**DUMMY, "session": session})) == (400, "M_UNKNOWN")


def test_a_session_lives_an_hour_since_its_last_use(client, settings):
    settings.TERMS = TERMS
    start = clock.now()
    session = session_of(ask(client, username="ann", password=PASSWORD))
    with time_machine.travel(start + timedelta(seconds=3500), tick=False):
        ask(client, auth={"type": "m.login.terms", "session": session})
    with time_machine.travel(start + timedelta(seconds=7000), tick=False):
        assert ask(client, auth={**DUMMY, "session": session}).status == 200


def test_a_repeat_within_a_minute_has_the_same_outcome_and_leaves_the_first_answer_good(client):
    session = session_of(ask(client, username="ann", password=PASSWORD))
    whole = {"username": "ann", "password": PASSWORD, "auth": {**DUMMY, "session": session}}
    first, second = ask(client, **whole).json(), ask(client, **whole).json()
    assert (first["user_id"], first["device_id"]) == (second["user_id"], second["device_id"])
    assert User.objects.count() == 1
    assert Device.objects.count() == 1
    for body in (first, second):
        assert who_am_i(client, body["access_token"]).status == 200


def test_repeats_leave_two_sessions_at_the_most(client):
    session = session_of(ask(client, username="ann", password=PASSWORD))
    whole = {"username": "ann", "password": PASSWORD, "auth": {**DUMMY, "session": session}}
    answers = [ask(client, **whole).json() for _ in range(5)]
    assert [who_am_i(client, body["access_token"]).status for body in answers] == [200, 401, 401, 401, 200]


@pytest.mark.parametrize("change", ["password", "lock", "deactivate", "deny", "device"])
def test_a_repeat_opens_nothing_that_has_changed_since(client, change):
    session = session_of(ask(client, username="ann", password=PASSWORD))
    whole = {"username": "ann", "password": PASSWORD, "auth": {**DUMMY, "session": session}}
    body = ask(client, **whole).json()
    user = User.objects.get(username="ann")
    {
        "password": lambda: users.set_password(user, "a new good password"),
        "lock": lambda: users.lock(user),
        "deactivate": lambda: users.deactivate(user),
        "deny": lambda: rules.add("deny", "username", "ann"),
        "device": lambda: client.post(f"{API}/logout", token=body["access_token"]),
    }[change]()
    assert error(ask(client, **whole)) == (400, "M_UNKNOWN")


@pytest.mark.parametrize("change", [{"password": "something else"}, {"username": "bea"}, {"device_id": "X"}])
def test_only_the_identical_request_is_a_repeat(client, change):
    session = session_of(ask(client, username="ann", password=PASSWORD))
    whole = {"username": "ann", "password": PASSWORD, "auth": {**DUMMY, "session": session}}
    assert ask(client, **whole).status == 200
    assert error(ask(client, **{**whole, **change})) == (403, "M_UNKNOWN")
    assert User.objects.count() == 1


def test_after_a_minute_the_session_is_unknown(client):
    session = session_of(ask(client, username="ann", password=PASSWORD))
    whole = {"username": "bob", "password": PASSWORD, "auth": {**DUMMY, "session": session}}
    assert ask(client, **whole).status == 200
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        assert error(ask(client, **{**whole, "username": "cat"})) == (400, "M_UNKNOWN")


@pytest.mark.parametrize(
    ("username", "errcode"),
    [
        ("", "M_INVALID_USERNAME"),
        ("ann bee", "M_INVALID_USERNAME"),
        ("ann@x", "M_INVALID_USERNAME"),
        ("@ann:localhost", "M_INVALID_USERNAME"),
        ("änn", "M_INVALID_USERNAME"),
        ("_bridge", "M_INVALID_USERNAME"),
        ("12345", "M_INVALID_USERNAME"),
        ("a" * 250, "M_INVALID_USERNAME"),
        ("05" + "ab" * 32, "M_EXCLUSIVE"),
        ("taken", "M_USER_IN_USE"),
        ("TAKEN", "M_USER_IN_USE"),
        ("gone", "M_USER_IN_USE"),
        ("denied-one", "M_EXCLUSIVE"),
        (7, "M_BAD_JSON"),
    ],
)
def test_a_name_that_cannot_be_had_is_told_before_any_proof(client, username, errcode):
    users.create("taken")
    users.deactivate(users.create("gone"))
    rules.add("deny", "username", "denied*", flow="session")
    assert error(ask(client, username=username, password=PASSWORD)) == (400, errcode)
    if isinstance(username, str):
        available = client.get(f"{API}/register/available", params={"username": username})
        assert error(available) == (400, errcode)


def test_a_free_name_is_available(client):
    assert client.get(f"{API}/register/available", params={"username": "ann"}).json() == {"available": True}
    assert error(client.get(f"{API}/register/available")) == (400, "M_MISSING_PARAM")


@pytest.mark.parametrize("password", ["short", "password", "ann-the-name"])
def test_a_weak_password_is_told_before_any_proof(client, password):
    assert error(ask(client, username="ann-the-name", password=password)) == (400, "M_WEAK_PASSWORD")


def test_a_long_password_is_refused_and_one_of_256_characters_counts_whole(client):
    assert ask(client, username="ann", password="x" * 1025).status == 400
    register(client, "ann")
    long = "é" * 256
    ask(client, username="bea", password=long, auth=DUMMY)
    assert log_in(client, "bea", long[:-1] + "e").status == 403
    assert log_in(client, "bea", long).status == 200


def test_registration_can_be_closed(client, settings):
    settings.REGISTRATION = "closed"
    for answer in (
        ask(client, username="ann", password=PASSWORD, auth=DUMMY),
        client.get(f"{API}/register/available", params={"username": "ann"}),
        client.get("/_matrix/client/v1/register/m.login.registration_token/validity", params={"token": "x"}),
    ):
        assert error(answer) == (403, "M_FORBIDDEN")


def test_without_a_name_the_server_picks_one(client):
    body = ask(client, password=PASSWORD, auth=DUMMY).json()
    assert re.fullmatch(r"@u[a-z0-9]{12}:localhost", body["user_id"])


def test_inhibit_login_makes_no_session(client):
    body = ask(client, username="ann", password=PASSWORD, inhibit_login=True, auth=DUMMY).json()
    assert body == {"user_id": "@ann:localhost", "home_server": "localhost"}
    assert not Device.objects.exists()


def test_an_unknown_kind_is_unrecognized_and_guests_are_off(client):
    assert error(client.post(f"{API}/register?kind=bot", data={})) == (400, "M_UNRECOGNIZED")
    assert error(client.post(f"{API}/register?kind=guest", data={})) == (403, "M_GUEST_ACCESS_FORBIDDEN")


def test_a_guest_is_known_as_one_and_may_not_change_an_account(client, settings):
    settings.MATRIX_GUESTS = True
    body = client.post(f"{API}/register?kind=guest", data={"username": "ann", "device_id": "mine"}).json()
    assert re.fullmatch(r"@\d+:localhost", body["user_id"])
    assert body["device_id"] != "mine"
    assert who_am_i(client, body["access_token"]).json()["is_guest"] is True
    answer = client.post(f"{API}/account/password", data={"new_password": PASSWORD}, token=body["access_token"])
    assert error(answer) == (403, "M_GUEST_ACCESS_FORBIDDEN")
    assert client.post(f"{API}/logout", token=body["access_token"]).status == 200


def test_the_stages_a_setting_asks_for_come_in_the_order_of_section_7(client, settings):
    settings.REGISTRATION, settings.TERMS, settings.REGISTRATION_EMAIL = "token", TERMS, "optional"
    body = ask(client).json()
    first = ["m.login.registration_token", "m.login.terms"]
    assert body["flows"] == [
        {"stages": [*first, "m.login.dummy"]},
        {"stages": [*first, "m.login.email.identity"]},
    ]
    assert body["params"] == {"m.login.terms": {"policies": TERMS}}
    settings.REGISTRATION_EMAIL = "required"
    assert ask(client).json()["flows"] == [{"stages": [*first, "m.login.email.identity"]}]


def test_several_stages_in_any_order_and_again(client, settings):
    settings.REGISTRATION, settings.TERMS = "token", TERMS
    token = registration_tokens.issue(uses=1).token
    session = session_of(ask(client, username="ann", password=PASSWORD))

    def stage(kind, **more):
        return ask(client, auth={"type": kind, "session": session, **more})

    for completed in (["m.login.terms"], ["m.login.terms"]):
        answer = stage("m.login.terms")
        assert (answer.status, answer.json()["completed"]) == (401, completed)
    wrong = stage("m.login.registration_token", token="nonsense")
    assert error(wrong) == (401, "M_UNAUTHORIZED")
    assert wrong.json()["completed"] == ["m.login.terms"]
    assert wrong.json()["session"] == session
    assert error(stage("m.login.registration_token")) == (401, "M_MISSING_PARAM")
    right = stage("m.login.registration_token", token=token)
    assert set(right.json()["completed"]) == {"m.login.terms", "m.login.registration_token"}
    assert stage("m.login.dummy").status == 200
    accepted = AcceptedDocument.objects.get()
    assert (accepted.user.username, accepted.document, accepted.version) == ("ann", "privacy_policy", "1.0")
    assert not registration_tokens.is_valid(token)


def test_a_registration_token_is_pending_while_its_registration_is_under_way(client, settings):
    settings.REGISTRATION = "token"
    token = registration_tokens.issue(uses=1).token
    validity = "/_matrix/client/v1/register/m.login.registration_token/validity"
    first, second = (session_of(ask(client, username=name, password=PASSWORD)) for name in ("ann", "bea"))
    assert client.get(validity, params={"token": token}).json() == {"valid": True}
    auth = {"type": "m.login.registration_token", "token": token}
    assert "errcode" not in ask(client, auth={**auth, "session": first}).json()
    assert error(ask(client, auth={**auth, "session": second})) == (401, "M_UNAUTHORIZED")
    assert client.get(validity, params={"token": token}).json() == {"valid": False}
    assert client.get(validity, params={"token": "never-issued"}).json() == {"valid": False}
    with time_machine.travel(clock.now() + timedelta(seconds=3601), tick=False):
        assert client.get(validity, params={"token": token}).json() == {"valid": True}


def test_an_unoffered_stage_is_400(client):
    session = session_of(ask(client, username="ann", password=PASSWORD))
    for kind in ("m.login.recaptcha", "m.login.password", "nonsense"):
        assert error(ask(client, auth={"type": kind, "session": session})) == (400, "M_INVALID_PARAM")
    assert error(ask(client, auth={"type": 7, "session": session})) == (400, "M_BAD_JSON")


def test_only_the_state_can_be_asked_for(client, settings):
    settings.TERMS = TERMS
    session = session_of(ask(client, username="ann", password=PASSWORD))
    ask(client, auth={"type": "m.login.terms", "session": session})
    state = ask(client, auth={"session": session})
    assert (state.status, state.json()["completed"]) == (401, ["m.login.terms"])


def test_a_session_is_bound_to_its_call_and_its_user(client):
    ann, bea = register(client, "ann"), register(client, "bea")
    session = session_of(client.post(f"{API}/delete_devices", data={"devices": ["X"]}, token=ann.token))
    auth = {**ann.proof, "session": session}
    other_call = client.post(f"{API}/account/deactivate", data={"auth": auth}, token=ann.token)
    assert error(other_call) == (403, "M_UNKNOWN")
    other_user = client.post(f"{API}/delete_devices", data={"auth": {**bea.proof, "session": session}}, token=bea.token)
    assert error(other_user) == (403, "M_UNKNOWN")
    other_body = client.post(f"{API}/delete_devices", data={"devices": ["Y"], "auth": auth}, token=ann.token)
    assert error(other_body) == (403, "M_UNKNOWN")
    assert client.post(f"{API}/delete_devices", data={"auth": auth}, token=ann.token).json() == {}


def test_the_password_stage_is_the_owners_own(client):
    ann, _ = register(client, "ann"), register(client, "bea")
    for name in ("bea", "nobody", "@ann:elsewhere.org"):
        answer = client.post(f"{API}/delete_devices", data={"devices": [], "auth": proof(name)}, token=ann.token)
        assert error(answer) == (403, "M_FORBIDDEN")
    wrong = client.post(f"{API}/delete_devices", data={"devices": [], "auth": proof("ann", "wrong")}, token=ann.token)
    assert error(wrong) == (401, "M_FORBIDDEN")
    assert wrong.json()["completed"] == []
    legacy = {"type": "m.login.password", "user": "ann", "password": PASSWORD}
    assert client.post(f"{API}/delete_devices", data={"devices": [], "auth": legacy}, token=ann.token).status == 200


@pytest.mark.usefixtures("standing_clock")
def test_wrong_passwords_at_a_stage_count_like_those_at_login(client):
    ann = register(client, "ann")
    for _ in range(5):
        client.post(f"{API}/delete_devices", data={"devices": [], "auth": proof("ann", "wrong")}, token=ann.token)
    assert log_in(client, "ann", device_id=ann.device_id).status == 429
    answer = client.post(f"{API}/delete_devices", data={"devices": [], "auth": ann.proof}, token=ann.token)
    assert error(answer) == (429, "M_LIMIT_EXCEEDED")


@pytest.mark.usefixtures("standing_clock")
def test_a_stranger_cannot_lock_the_owner_out_of_a_proof(client):
    ann, here = register(client, "ann"), client.address
    for number in range(6):
        client.address = f"198.51.100.{number}"
        log_in(client, "ann", "wrong")
    client.address = here
    assert log_in(client, "ann").status == 429
    assert client.post(f"{API}/delete_devices", data={"devices": [], "auth": ann.proof}, token=ann.token).status == 200


@pytest.mark.usefixtures("standing_clock")
def test_sessions_of_interactive_auth_are_limited_and_keep_only_what_counts(client):
    body = {"new_password": PASSWORD, "x": "y" * 60_000}
    statuses = {client.post(f"{API}/account/password", data=body).status for _ in range(62)}
    assert statuses == {401, 429}
    assert max(len(str(challenge.facts)) for challenge in Challenge.objects.all()) < 2000


def test_a_session_for_a_device_with_a_long_id_is_the_persons_own(client):
    ann, bea = register(client, "ann"), register(client, "bea")
    path = f"{API}/devices/{'L' * 505}"
    session = client.delete(path, token=ann.token).json()["session"]
    answer = client.delete(path, data={"auth": {**bea.proof, "session": session}}, token=bea.token)
    assert error(answer) == (403, "M_UNKNOWN")


@pytest.mark.usefixtures("standing_clock")
def test_registrations_of_an_address_are_limited_and_challenges_are_not_counted(client):
    for _ in range(10):
        session_of(ask(client, username="zoe", password=PASSWORD))
    for name in ("ann", "bea", "cat"):
        register(client, name)
    answer = ask(client, username="dan", password=PASSWORD, auth=DUMMY)
    assert error(answer) == (429, "M_LIMIT_EXCEEDED")
    assert not User.objects.filter(username="dan").exists()


def test_a_whitelist_admits_only_listed_names(client):
    rules.set_mode("matrix", whitelist=True)
    rules.add("allow", "username", "ann", flow="matrix")
    assert register(client, "ann")
    assert error(ask(client, username="bea", password=PASSWORD, auth=DUMMY)) == (403, "M_FORBIDDEN")
    assert not User.objects.filter(username="bea").exists()


def test_a_denied_address_registers_nobody(client):
    rules.add("deny", "ip", "203.0.113.0/24", flow="matrix")
    assert error(ask(client, username="ann", password=PASSWORD, auth=DUMMY)) == (403, "M_FORBIDDEN")


def test_a_registration_is_in_the_audit_log_with_its_door(client):
    register(client, "ann")
    event = AuditEvent.objects.get(event="user-created")
    assert (event.subject, event.flow, event.ip) == ("ann", "matrix", client.address)


def test_a_registered_client_can_refresh(client):
    ann = register(client, "ann", refresh_token=True)
    assert Token.objects.filter(kind="refresh").count() == 1
    assert client.post(f"{API}/refresh", data={"refresh_token": ann.refresh_token}).status == 200


def test_a_device_of_another_account_is_no_obstacle(client):
    assert register(client, "ann", device_id="SAME").device_id == register(client, "bea", device_id="SAME").device_id
    assert logged_in(client, "ann", device_id="SAME")
