"""The device grant, row by row (RFC 8628; qr-login.md §7.3, §7.4, §7.6; R17, R20)."""

import re

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from accounts import clock, retention, rules, throttle, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import AuditEvent, Challenge, Device, Token
from devicelogin.oauth import clients, device_grants, user_codes
from devicelogin.oauth.models import DeviceGrant
from tests.matrix.people import logged_in
from tests.oauth import people
from tests.oauth.people import allow, ask_device, device_scope, error, found, issued, poll, who_am_i

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(client, program):
    return ask_device(client, program).json()


@pytest.fixture
def now(time_machine):
    """Moves the clock on by seconds."""
    begun = clock.now()
    time_machine.move_to(begun, tick=False)

    def move(seconds: float) -> None:
        time_machine.move_to(clock.after(seconds), tick=False)

    return move


def test_a_device_gets_its_codes(client, program):
    answer = ask_device(client, program, "openid " + device_scope())
    body = answer.json()
    assert answer.status == 200
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") == "*"
    assert re.fullmatch(r"idp_dc_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", body["device_code"])
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", body["user_code"])
    assert body["verification_uri"] == "http://localhost:8000/link"
    assert body["verification_uri_complete"] == f"http://localhost:8000/link?code={body['user_code']}"
    assert (body["expires_in"], body["interval"]) == (1200, 5)


@override_settings(DEVICE_CODE_LINK=False, DEVICE_CODE_LIFETIME=120, DEVICE_CODE_INTERVAL=1)
def test_the_operator_chooses_link_life_and_interval(client, program):
    body = ask_device(client, program).json()
    assert "verification_uri_complete" not in body
    assert (body["expires_in"], body["interval"]) == (120, 1)


def test_the_seeds_paths_are_aliases(client, ann, program):
    body = people.form(client, "/auth/device", {"client_id": program, "scope": device_scope()}).json()
    assert error(poll(client, body["device_code"], program, "/token")) == (400, "authorization_pending")
    allow(body["user_code"], ann)
    assert poll(client, body["device_code"], program, "/token").status == 200
    fields = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": program}
    assert error(people.form(client, "/token", fields)) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"scope": device_scope()}, (400, "invalid_request")),
        ({"client_id": "unknown", "scope": device_scope()}, (401, "invalid_client")),
        ({"client_id": "PROGRAM"}, (400, "invalid_scope")),
        ({"client_id": "PROGRAM", "scope": "everything"}, (400, "invalid_scope")),
        ({"client_id": "PROGRAM", "scope": device_scope("SHORT")}, (400, "invalid_scope")),
    ],
)
def test_faults_of_a_device_authorization(client, program, fields, expected):
    sent = {name: program if value == "PROGRAM" else value for name, value in fields.items()}
    assert error(people.form(client, "/oauth2/device", sent)) == expected
    assert not Challenge.objects.exists()


def test_a_program_that_did_not_register_the_grant_gets_no_code(client):
    program = people.register(client, grant_types=["authorization_code"])["client_id"]
    assert error(ask_device(client, program)) == (400, "unauthorized_client")


@override_settings(OAUTH_DEVICE_GRANT=False)
def test_nor_does_anybody_while_the_grant_is_off(client, program):
    assert error(ask_device(client, program)) == (400, "unauthorized_client")


def test_a_confidential_program_proves_itself(client, keeper):
    assert error(ask_device(client, keeper["client_id"])) == (401, "invalid_client")
    header = people.basic(keeper["client_id"], keeper["client_secret"])
    answer = people.form(client, "/oauth2/device", {"scope": device_scope()}, Authorization=header)
    assert answer.status == 200


def test_pending_then_approved_then_redeemed(client, ann, program, asked, now):
    assert error(poll(client, asked["device_code"], program)) == (400, "authorization_pending")
    allow(asked["user_code"], ann)
    now(5)
    answer = poll(client, asked["device_code"], program)
    session = issued(answer)
    assert answer.header("cache-control") == "no-store"
    assert session.body["token_type"] == "Bearer"
    assert session.body["scope"] == device_scope()
    assert session.refresh
    assert who_am_i(client, session.access).json()["device_id"] == "AAABBBCCCDDD"
    assert error(poll(client, asked["device_code"], program)) == (400, "invalid_grant")
    assert AuditEvent.objects.filter(event="device-grant-approved", actor="ann").exists()


def test_openid_is_served_by_the_device_grant_too(client, ann, program):
    body = ask_device(client, program, "openid").json()
    allow(body["user_code"], ann)
    assert poll(client, body["device_code"], program).json()["id_token"].count(".") == 2


def test_a_poll_too_soon_slows_the_device_down_for_good(client, program, asked, now):
    code = asked["device_code"]
    assert error(poll(client, code, program)) == (400, "authorization_pending")
    now(2)
    assert error(poll(client, code, program)) == (400, "slow_down")
    assert DeviceGrant.objects.get().interval == 10
    now(7)  # more than the old interval, less than the new one
    assert error(poll(client, code, program)) == (400, "slow_down")
    assert DeviceGrant.objects.get().interval == 15
    for _ in range(2):
        now(15)
        assert error(poll(client, code, program)) == (400, "authorization_pending")
    throttle.forget()  # another process, or a restart
    assert DeviceGrant.objects.get().interval == 15


@pytest.mark.parametrize(("seconds", "expected"), [(4.6, "authorization_pending"), (4.3, "slow_down")])
def test_half_a_second_too_early_is_in_time(client, program, asked, now, seconds, expected):
    poll(client, asked["device_code"], program)
    now(seconds)
    assert error(poll(client, asked["device_code"], program)) == (400, expected)


def test_a_pending_poll_writes_no_row(client, program, asked, now):
    for _ in range(3):
        now(5)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert error(poll(client, asked["device_code"], program)) == (400, "authorization_pending")
        assert queries
        assert not [query["sql"] for query in queries if not query["sql"].startswith("SELECT")]
    assert throttle._memory.take_dirty().keys() == _without_polls()


def _without_polls():
    return {key for key in throttle._memory._full_at if "device-poll" not in key}


def test_waiting_is_no_failure_of_the_address(client, program, asked, now):
    for _ in range(70):
        now(0.01)
        assert poll(client, asked["device_code"], program).json()["error"] in {"slow_down", "authorization_pending"}


def test_a_no_is_told_until_the_end(client, ann, program, asked, now):
    device_grants.deny(found(asked["user_code"], ann), user=ann, ip="203.0.113.9")
    for _ in range(3):
        now(5)
        assert error(poll(client, asked["device_code"], program)) == (400, "access_denied")
    now(1200)
    assert error(poll(client, asked["device_code"], program)) == (400, "expired_token")


def test_an_expired_code_is_remembered_for_a_while(client, ann, program, asked, now):
    allow(asked["user_code"], ann)
    now(1201)
    retention.purge_all()
    assert error(poll(client, asked["device_code"], program)) == (400, "expired_token")
    now(3700)
    retention.purge_all()
    assert not DeviceGrant.objects.exists()
    assert error(poll(client, asked["device_code"], program)) == (400, "invalid_grant")


def test_a_code_is_useless_to_another_program(client, ann, program, asked):
    other = people.register(client, client_name="Other")["client_id"]
    assert error(poll(client, asked["device_code"], other)) == (400, "invalid_grant")
    allow(asked["user_code"], ann)
    assert error(poll(client, asked["device_code"], other)) == (400, "invalid_grant")
    assert poll(client, asked["device_code"], program).status == 200


@pytest.mark.parametrize("code", ["idp_dc_x", "x", "ü", "idp_dc_" + "A" * 43 + "_AAAAAA"])
def test_an_unknown_code_is_an_invalid_grant(client, program, code):
    assert error(poll(client, code, program)) == (400, "invalid_grant")


@pytest.mark.parametrize("name", ["grant_type", "device_code", "client_id"])
def test_a_missing_or_repeated_parameter_is_an_invalid_request(client, program, asked, name):
    fields = {"grant_type": people.DEVICE_GRANT, "device_code": asked["device_code"], "client_id": program}
    rest = [item for item in fields.items() if item[0] != name]
    assert error(people.form(client, "/oauth2/token", rest)) == (400, "invalid_request")
    twice = [*fields.items(), (name, fields[name])]
    assert error(people.form(client, "/oauth2/token", twice)) == (400, "invalid_request")


def test_a_quick_second_poll_is_a_lost_answer_unless_the_tokens_were_used(client, ann, program, asked, now):
    allow(asked["user_code"], ann)
    session = issued(poll(client, asked["device_code"], program))
    now(3)
    assert error(poll(client, asked["device_code"], program)) == (400, "invalid_grant")
    assert who_am_i(client, session.access).status == 200
    assert error(poll(client, asked["device_code"], program)) == (400, "invalid_grant")
    assert who_am_i(client, session.access).status == 401
    assert AuditEvent.objects.filter(event="device-code-replayed").exists()


@pytest.mark.parametrize("refreshes", [True, False])
def test_a_late_second_poll_ends_the_session(client, ann, program, asked, now, refreshes):
    allow(asked["user_code"], ann)
    session = issued(poll(client, asked["device_code"], program))
    if refreshes:
        session = issued(people.refresh(client, session.refresh, program))
    now(1 if refreshes else 11)
    assert error(poll(client, asked["device_code"], program)) == (400, "invalid_grant")
    assert who_am_i(client, session.access).status == 401


def test_account_lists_and_program_are_looked_at_at_redemption(client, ann, program, asked):
    allow(asked["user_code"], ann)
    users.lock(ann)
    assert error(poll(client, asked["device_code"], program)) == (400, "invalid_grant")
    users.unlock(ann)
    rules.add("deny", "username", "ann", flow="devicelogin")
    assert error(poll(client, asked["device_code"], program)) == (400, "invalid_grant")
    rules.remove(rules.find("deny", "username", "ann", flow="devicelogin"))
    assert poll(client, asked["device_code"], program).status == 200


def test_ending_all_sessions_cancels_what_was_allowed_and_not_fetched(client, ann, program, asked):
    allow(asked["user_code"], ann)
    users.end_all_sessions(ann)
    assert error(poll(client, asked["device_code"], program)) == (400, "expired_token")


def test_blocking_the_program_cancels_its_grants(client, ann, program, asked):
    allow(asked["user_code"], ann)
    clients.block("example.com")
    assert error(poll(client, asked["device_code"], program)) == (401, "invalid_client")
    assert error(ask_device(client, program)) == (401, "invalid_client")
    clients.unblock("example.com")
    assert error(poll(client, asked["device_code"], program)) == (400, "expired_token")


def test_a_device_that_exists_is_not_replaced(client, ann, program, asked):
    old = logged_in(client, "ann", device_id="AAABBBCCCDDD")
    with pytest.raises(Refusal) as caught:
        allow(asked["user_code"], ann)
    assert (caught.value.reason, caught.value.field) == (Reason.NAME_TAKEN, "device_id")
    assert error(poll(client, asked["device_code"], program)) == (400, "access_denied")
    assert who_am_i(client, old.token).status == 200


def test_nor_is_one_that_came_between_approval_and_redemption(client, ann, program, asked):
    allow(asked["user_code"], ann)
    old = logged_in(client, "ann", device_id="AAABBBCCCDDD")
    assert error(poll(client, asked["device_code"], program)) == (400, "access_denied")
    assert who_am_i(client, old.token).status == 200
    assert Device.objects.filter(user=ann, kind=Device.Kind.MATRIX).count() == 1


def test_a_typed_code_is_found_in_every_spelling(ann, program, asked):
    code = asked["user_code"]
    for spelling in (code, code.lower(), code.replace("-", ""), f" {code[:4]} {code[5:]}. "):
        grant = found(spelling)
        assert (grant.user_code, grant.program.client_id) == (code, program)
    assert (grant.device_id, grant.ip) == ("AAABBBCCCDDD", "203.0.113.7")
    assert grant.scopes == tuple(device_scope().split())


def test_decided_expired_and_unknown_codes_are_one(ann, asked, now):
    grant = found(asked["user_code"], ann)
    allow(asked["user_code"], ann)
    for code in (asked["user_code"], "BBBB-BBBB", "", "ü" * 99):
        with pytest.raises(Refusal) as caught:
            found(code, ann)
        assert (caught.value.reason, caught.value.field) == (Reason.NOT_FOUND, "user_code")
    with pytest.raises(Refusal):
        device_grants.deny(grant, user=ann, ip="")
    with pytest.raises(Refusal):
        device_grants.approve(grant, user=ann, browser=people.browser_of(ann), ip="")


def test_ten_wrong_codes_of_an_account_are_enough(ann, asked, standing_clock):
    for number in range(10):
        with pytest.raises(Refusal):
            found("BBBB-BBBB", ann, ip=f"198.51.100.{number}")
    with pytest.raises(Refusal) as caught:
        found(asked["user_code"], ann, ip="198.51.100.99")
    assert caught.value.reason is Reason.RATE_LIMITED
    assert found(asked["user_code"], people.person("bob"))


def test_twenty_wrong_codes_of_an_address_are_enough_and_right_ones_do_not_count(asked, standing_clock):
    for _ in range(20):
        with pytest.raises(Refusal):
            found("BBBB-BBBB")
        found(asked["user_code"], ip="198.51.100.1")
    with pytest.raises(Refusal) as caught:
        found(asked["user_code"])
    assert caught.value.reason is Reason.RATE_LIMITED
    assert found(asked["user_code"], ip="198.51.100.1")


def test_a_right_guess_among_many_at_once_is_refused_once_the_wrong_ones_are_counted(ann, asked, monkeypatch):
    of_one = user_codes.macs

    def others_are_faster(code):
        monkeypatch.setattr(user_codes, "macs", of_one)
        for _ in range(10):
            with pytest.raises(Refusal):
                found("BBBB-BBBB", ann)
        return of_one(code)

    monkeypatch.setattr(user_codes, "macs", others_are_faster)
    with pytest.raises(Refusal) as caught:
        found(asked["user_code"], ann)
    assert caught.value.reason is Reason.RATE_LIMITED


@override_settings(RATE_LIMIT_SCALE=1000)
def test_guessing_is_never_scaled(asked, standing_clock):
    for _ in range(20):
        with pytest.raises(Refusal):
            found("BBBB-BBBB")
    with pytest.raises(Refusal) as caught:
        found(asked["user_code"])
    assert caught.value.reason is Reason.RATE_LIMITED


def test_guessing_from_everywhere_makes_new_codes_longer(client, program, standing_clock, settings):
    settings.USER_CODE_BRAKE = type(settings.USER_CODE_BRAKE)(5, 3600)
    for number in range(6):
        with pytest.raises(Refusal):
            found("BBBB-BBBB", ip=f"198.51.100.{number}")
    code = ask_device(client, program).json()["user_code"]
    assert re.fullmatch(r"[A-Z]{4}-[A-Z]{4}-[A-Z]{4}", code)
    assert found(code, ip="198.51.100.99").user_code == code


def test_a_code_typed_after_a_rotation_of_the_key_is_known(asked, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key of many characters 123"
    assert found(asked["user_code"])


def test_sixty_device_codes_a_minute_for_an_address(client, program, standing_clock, settings):
    settings.DEVICE_CODE_UNDECIDED = 1000
    for _ in range(60):
        assert ask_device(client, program).status == 200
    answer = ask_device(client, program)
    assert error(answer) == (429, "temporarily_unavailable")
    assert answer.header("retry-after")


def test_fifty_undecided_ones_at_once(client, ann, program, standing_clock):
    codes = [ask_device(client, program, "openid").json()["user_code"] for _ in range(50)]
    assert error(ask_device(client, program, "openid")) == (429, "temporarily_unavailable")
    allow(codes[0], ann)
    assert ask_device(client, program, "openid").status == 200


def test_a_denied_address_gets_no_code(client, program):
    rules.add("deny", "ip", "203.0.113.7")
    assert error(ask_device(client, program)) == (400, "invalid_grant")


def test_codes_are_kept_as_digests(asked):
    grant = DeviceGrant.objects.select_related("challenge").get()
    code = user_codes.canonical(asked["user_code"])
    assert bytes(grant.user_code_mac) == user_codes.mac(code)
    assert bytes(grant.challenge.digest) == tokens.digest(asked["device_code"])


def test_what_is_granted_is_counted_for_administrators(client, ann, program, asked):
    people.approved(ann, program)
    assert device_grants.counts() == {"undecided": 1, "approved": 0, "codes": 1}
    allow(asked["user_code"], ann)
    assert device_grants.counts() == {"undecided": 0, "approved": 1, "codes": 1}
    assert Token.objects.exclude(kind="browser").count() == 0
