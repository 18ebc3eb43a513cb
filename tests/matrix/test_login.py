"""Login, logout, access tokens (matrix.md §4, §6, §9)."""

import re
import zlib
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db.models import Count

from accounts import clock, emails, minting, policy, rules, users
from accounts.models import AccessRule, AuditEvent, Device, Token, User
from tests.matrix.people import API, PASSWORD, log_in, logged_in, proof, register, who_am_i
from tests.matrix.synapse_database import synapse_database

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(client):
    return register(client, "ann")


def error(answer):
    assert set(answer.json()) >= {"errcode", "error"}
    return answer.status, answer.json()["errcode"]


def test_login_answers_as_section_6_says(client, ann):
    body = log_in(client, "ann", device_id="PHONE", initial_device_display_name="Ann's phone").json()
    assert set(body) == {"user_id", "access_token", "device_id", "home_server"}
    assert (body["user_id"], body["device_id"], body["home_server"]) == ("@ann:localhost", "PHONE", "localhost")
    assert who_am_i(client, body["access_token"]).json() == {
        "user_id": "@ann:localhost",
        "device_id": "PHONE",
        "is_guest": False,
    }


def test_a_token_names_its_user_carries_a_checksum_and_is_stored_by_digest_only(client, ann):
    assert re.fullmatch(r"mat_YW5u_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", ann.token)
    assert minting.localpart_of(ann.token) == "ann"
    assert not any(ann.token.encode() in bytes(row.digest) for row in Token.objects.all())


def test_a_mistyped_token_costs_no_query(client, ann, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert error(who_am_i(client, ann.token[:-1] + "x")) == (401, "M_UNKNOWN_TOKEN")


@pytest.mark.parametrize(
    "claim",
    [
        {"identifier": {"type": "m.id.user", "user": "@ann:localhost"}},
        {"identifier": {"type": "m.id.user", "user": "ANN"}},
        {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "Ann@EXAMPLE.org"}},
        {"identifier": {"medium": "email", "address": "ann@example.org"}},
        {"user": "ann"},
        {"user": "@ann:localhost"},
        {"medium": "email", "address": "ann@example.org"},
    ],
)
def test_every_form_of_naming_an_account_logs_in(client, ann, claim):
    emails.add_confirmed(User.objects.get(username="ann"), "ann@example.org")
    answer = client.post(f"{API}/login", data={"type": "m.login.password", "password": PASSWORD, **claim})
    assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    "claim",
    [
        {"identifier": {"type": "m.id.user", "user": "ann"}, "password": "wrong"},
        {"identifier": {"type": "m.id.user", "user": "nobody"}},
        {"identifier": {"type": "m.id.user", "user": "@ann:elsewhere.org"}},
        {"identifier": {"type": "m.id.user", "user": "key-only"}},
        {"identifier": {"type": "m.id.user", "user": ""}},
        {"identifier": {"type": "m.id.user", "user": "ann"}, "password": "x" * 2000},
        {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "ann@nowhere.org"}},
        {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "no address"}},
        {"identifier": {"type": "m.id.thirdparty", "medium": "msisdn", "address": "447700900001"}},
        {"identifier": {"type": "m.id.phone", "country": "GB", "phone": "07700900001"}},
        {"identifier": {"type": "m.id.phone", "country": "GB", "number": "07700900001"}},
    ],
)
def test_whatever_does_not_open_an_account_gets_one_identical_answer(client, ann, claim):
    users.create("key-only")
    answer = client.post(f"{API}/login", data={"type": "m.login.password", "password": PASSWORD, **claim})
    assert answer.status == 403
    assert answer.json() == {"errcode": "M_FORBIDDEN", "error": "Invalid username or password"}


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({}, "M_MISSING_PARAM"),
        ({"type": "m.login.magic"}, "M_UNKNOWN"),
        ({"type": 7}, "M_UNKNOWN"),
        ({"type": "m.login.application_service"}, "M_APPSERVICE_LOGIN_UNSUPPORTED"),
        ({"type": "m.login.password"}, "M_MISSING_PARAM"),
        ({"type": "m.login.password", "password": "x"}, "M_MISSING_PARAM"),
        ({"type": "m.login.password", "password": "x", "identifier": {}}, "M_MISSING_PARAM"),
        ({"type": "m.login.password", "password": "x", "identifier": "ann"}, "M_BAD_JSON"),
        ({"type": "m.login.password", "password": "x", "identifier": {"type": "m.id.magic"}}, "M_UNKNOWN"),
        ({"type": "m.login.password", "password": "x", "identifier": {"type": "m.id.user"}}, "M_MISSING_PARAM"),
        ({"type": "m.login.password", "password": 7, "user": "ann"}, "M_BAD_JSON"),
        ({"type": "m.login.password", "password": "x", "user": 7}, "M_BAD_JSON"),
        ({"type": "m.login.password", "password": "x", "user": "ann", "device_id": 7}, "M_BAD_JSON"),
        ({"type": "m.login.password", "password": "x", "user": "ann", "device_id": "D" * 513}, "M_INVALID_PARAM"),
        ({"type": "m.login.password", "password": "x", "user": "ann", "refresh_token": "yes"}, "M_BAD_JSON"),
        ({"type": "m.login.token"}, "M_MISSING_PARAM"),
    ],
)
def test_a_malformed_login_is_400(client, body, errcode):
    assert error(client.post(f"{API}/login", data=body)) == (400, errcode)


def test_members_that_are_null_count_as_absent(client, ann):
    assert log_in(client, "ann", device_id=None, refresh_token=None, initial_device_display_name=None).status == 200


def test_a_known_device_keeps_its_name_and_loses_its_older_tokens(client, ann):
    first = logged_in(client, "ann", device_id="PHONE", initial_device_display_name="one", refresh_token=True)
    second = logged_in(client, "ann", device_id="PHONE", initial_device_display_name="two")
    assert error(who_am_i(client, first.token)) == (401, "M_UNKNOWN_TOKEN")
    assert error(client.post(f"{API}/refresh", data={"refresh_token": first.refresh_token})) == (
        401,
        "M_UNKNOWN_TOKEN",
    )
    assert who_am_i(client, second.token).status == 200
    assert client.get(f"{API}/devices/PHONE", token=second.token).json()["display_name"] == "one"


def test_a_long_device_name_is_cut_at_login(client, ann):
    device = logged_in(client, "ann", initial_device_display_name="é" * 300)
    assert client.get(f"{API}/devices/{device.device_id}", token=device.token).json()["display_name"] == "é" * 100


def test_generated_device_ids_are_ten_capitals(client, ann):
    assert re.fullmatch("[A-Z]{10}", logged_in(client, "ann").device_id)


@pytest.mark.parametrize("prefix", ["r0", "v3", "unstable", "api/v1"])
def test_a_bot_of_2015_logs_in_and_asks_with_its_token_in_the_query(client, ann, prefix):
    data = {"type": "m.login.password", "user": "ann", "password": PASSWORD}
    token = client.post(f"/_matrix/client/{prefix}/login", data=data).json()["access_token"]
    assert client.get(f"{API}/account/whoami", params={"access_token": token}).status == 200
    assert client.post(f"/_matrix/client/{prefix}/logout", params={"access_token": token}).json() == {}


def test_where_a_token_is_looked_for(client, ann):
    path = f"{API}/account/whoami"
    assert client.get(path, headers={"Authorization": f"bEARER {ann.token}"}).status == 200
    assert error(client.get(path)) == (401, "M_MISSING_TOKEN")
    assert error(client.get(path, headers={"Authorization": f"Basic {ann.token}"})) == (401, "M_MISSING_TOKEN")
    assert error(client.get(path, headers={"Authorization": "Bearer "})) == (401, "M_UNKNOWN_TOKEN")
    assert error(client.get(path, params={"access_token": ""})) == (401, "M_UNKNOWN_TOKEN")
    assert error(client.get(path, params={"access_token": ann.token}, token=ann.token)) == (401, "M_MISSING_TOKEN")


def test_a_token_of_one_kind_is_no_token_of_another(client, ann):
    both = logged_in(client, "ann", refresh_token=True)
    assert error(who_am_i(client, both.refresh_token)) == (401, "M_UNKNOWN_TOKEN")
    assert error(client.post(f"{API}/refresh", data={"refresh_token": both.token})) == (401, "M_UNKNOWN_TOKEN")
    answer = client.post(f"{API}/login", data={"type": "m.login.token", "token": both.token})
    assert error(answer) == (403, "M_FORBIDDEN")


def test_logout_ends_the_device_and_all_its_tokens(client, ann):
    both = logged_in(client, "ann", refresh_token=True)
    assert client.post(f"{API}/logout", token=both.token).json() == {}
    for answer in (client.post(f"{API}/logout", token=both.token), who_am_i(client, both.token)):
        assert error(answer) == (401, "M_UNKNOWN_TOKEN")
        assert answer.json()["soft_logout"] is False
    assert client.post(f"{API}/refresh", data={"refresh_token": both.refresh_token}).status == 401
    assert not Device.objects.filter(device_id=both.device_id).exists()
    assert who_am_i(client, ann.token).status == 200


def test_logout_everywhere_ends_the_devices_of_matrix_and_no_others(client, ann):
    other = logged_in(client, "ann")
    user = User.objects.get(username="ann")
    Device.objects.create(user=user, kind=Device.Kind.SESSION, device_id="session")
    assert client.post(f"{API}/logout/all", token=other.token, body=b"not json").json() == {}
    assert [device.kind for device in user.devices.all()] == ["session"]
    assert who_am_i(client, ann.token).status == 401


def test_an_expired_token_asks_for_a_soft_logout_and_can_still_log_out(client, ann):
    both = logged_in(client, "ann", refresh_token=True)
    with time_machine.travel(clock.now() + timedelta(seconds=301), tick=False):
        answer = who_am_i(client, both.token)
        assert error(answer) == (401, "M_UNKNOWN_TOKEN")
        assert answer.json()["soft_logout"] is True
        assert client.post(f"{API}/logout", token=both.token).status == 200
        assert who_am_i(client, both.token).json()["soft_logout"] is False


def test_a_locked_account_is_told_so_and_may_log_out_and_its_tokens_come_back(client, ann):
    user = User.objects.get(username="ann")
    other = logged_in(client, "ann")
    users.lock(user)
    for answer in (who_am_i(client, ann.token), client.get(f"{API}/devices", token=ann.token), log_in(client, "ann")):
        assert error(answer) == (401, "M_USER_LOCKED")
        assert answer.json()["soft_logout"] is True
    assert error(log_in(client, "ann", "wrong")) == (403, "M_FORBIDDEN")
    assert client.post(f"{API}/logout", token=other.token).status == 200
    users.unlock(user)
    assert who_am_i(client, ann.token).status == 200


def test_a_deactivated_account_logs_in_no_more(client, ann):
    users.deactivate(User.objects.get(username="ann"))
    assert error(log_in(client, "ann")) == (403, "M_FORBIDDEN")
    assert error(who_am_i(client, ann.token)) == (401, "M_UNKNOWN_TOKEN")


def deny(field, pattern, flow="matrix"):
    rules.add("deny", field, pattern, flow=flow)


def test_a_denied_name_answers_like_a_wrong_password_and_its_live_token_dies_at_once(client, ann):
    deny("username", "ann")
    assert error(who_am_i(client, ann.token)) == (401, "M_UNKNOWN_TOKEN")
    assert log_in(client, "ann").json() == log_in(client, "ann", "wrong").json()


def test_a_denied_address_is_refused_and_ends_nothing(client, ann):
    deny("ip", "203.0.113.0/24")
    assert error(who_am_i(client, ann.token)) == (403, "M_FORBIDDEN")
    assert error(log_in(client, "ann")) == (403, "M_FORBIDDEN")
    AccessRule.objects.all().delete()
    policy.forget()
    assert who_am_i(client, ann.token).status == 200


def test_whitelist_mode_keeps_the_keys_of_those_it_leaves_out(client, ann):
    rules.set_mode("matrix", whitelist=True)
    answer = who_am_i(client, ann.token)
    assert error(answer) == (401, "M_UNKNOWN_TOKEN")
    assert answer.json()["soft_logout"] is True
    rules.add("allow", "username", "ann", flow="matrix")
    assert who_am_i(client, ann.token).status == 200


@pytest.mark.usefixtures("standing_clock")
def test_only_failures_use_up_the_allowance_of_an_address(client, ann):
    assert {logged_in(client, "ann", device_id="D").device_id for _ in range(30)} == {"D"}
    statuses = [log_in(client, f"nobody{number}").status for number in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    answer = log_in(client, "ann")
    assert error(answer) == (429, "M_LIMIT_EXCEEDED")
    assert isinstance(answer.json()["retry_after_ms"], int)
    assert int(answer.header("Retry-After")) * 1000 >= answer.json()["retry_after_ms"] > 0


def test_wrong_passwords_make_the_account_wait_ever_longer_be_the_right_one_given_or_not(client, ann):
    waits = []
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for number in range(12):
            client.address = f"198.51.100.{number}"
            assert log_in(client, "ann", "wrong").status == 403
            if number >= 4:
                refused = log_in(client, "Ann")
                assert refused.status == 429
                waits.append(refused.json()["retry_after_ms"] / 1000)
                traveller.shift(waits[-1] + 0.01)
        assert logged_in(client, "ann")
    assert waits == [pytest.approx(wait, abs=0.1) for wait in (20, 40, 80, 160, 320, 640, 900, 900)]


@pytest.mark.usefixtures("standing_clock")
def test_every_spelling_of_an_address_shares_one_allowance(client, ann):
    emails.add_confirmed(User.objects.get(username="ann"), "ann@example.org")
    for number, spelling in enumerate(
        ["ann@example.org", "ann@example.org.", "ANN@Example.org..", "ann@ｅxample.org"] * 2
    ):
        client.address = f"198.51.100.{number}"
        identifier = {"type": "m.id.thirdparty", "medium": "email", "address": spelling}
        body = {"type": "m.login.password", "identifier": identifier, "password": "wrong"}
        status = client.post(f"{API}/login", data=body).status
    assert status == 429


@pytest.mark.parametrize("prefix", ["mar", "mlt", "mat"])
@pytest.mark.parametrize("name", ["A", "_w", "4pyO8", "é"])
def test_a_well_formed_token_that_names_nobody_is_refused(client, prefix, name):
    body = f"{prefix}_{name}_{'A' * 43}"
    token = f"{body}_{minting.base62(zlib.crc32(body.encode()), 6)}"
    assert error(client.post(f"{API}/refresh", data={"refresh_token": token})) == (401, "M_UNKNOWN_TOKEN")
    assert error(client.post(f"{API}/login", data={"type": "m.login.token", "token": token})) == (403, "M_FORBIDDEN")
    assert client.get(f"{API}/devices", params={"access_token": token}).status == 401


@pytest.mark.usefixtures("standing_clock")
def test_a_device_that_logged_in_before_is_not_hindered_by_strangers(client, ann):
    for number in range(5):
        client.address = f"198.51.100.{number}"
        log_in(client, "ann", "wrong")
    client.address = "198.51.100.99"
    assert log_in(client, "ann").status == 429
    assert log_in(client, "ann", device_id="STRANGER").status == 429
    assert log_in(client, "ann", device_id=ann.device_id).status == 200


def test_logins_both_ways_are_in_the_audit_log(client, ann):
    log_in(client, "ann", "wrong")
    log_in(client, "ann")
    events = AuditEvent.objects.filter(event="login", subject="ann", flow="matrix").order_by("-pk")[:2]
    assert [(event.outcome, event.ip) for event in events] == [("success", client.address), ("refused", client.address)]


def test_a_limit_of_devices_spares_known_ones(client, ann, settings):
    settings.MATRIX_DEVICE_LIMIT = 2
    logged_in(client, "ann", device_id="SECOND")
    logged_in(client, "ann", device_id="SECOND")
    answer = log_in(client, "ann")
    assert error(answer) == (403, "M_USER_LIMIT_EXCEEDED")
    assert {"info_uri", "can_upgrade"} <= set(answer.json())


def test_a_login_makes_one_device_with_one_living_token(client, ann):
    logged_in(client, "ann", device_id="D")
    logged_in(client, "ann", device_id="D")
    living = Token.objects.filter(revoked_at=None).values("device__device_id").annotate(n=Count("pk"))
    assert {row["device__device_id"]: row["n"] for row in living} == {"D": 1, ann.device_id: 1}


def test_login_can_be_switched_off(client, settings):
    settings.MATRIX_LEGACY_LOGIN = False
    assert error(client.get(f"{API}/login")) == (404, "M_UNRECOGNIZED")
    assert error(client.post(f"{API}/login", data=proof("ann"))) == (404, "M_UNRECOGNIZED")


def test_what_get_login_offers(client):
    assert client.get(f"{API}/login").json() == {
        "flows": [
            {"type": "m.login.password"},
            {"type": "m.login.token", "get_login_token": True},
            {
                "type": "m.login.sso",
                "oauth_aware_preferred": True,
                "org.matrix.msc3824.delegated_oidc_compatibility": True,
            },
        ]
    }


def test_an_account_of_a_synapse_logs_in_with_its_password_and_its_hash_is_renewed(client, tmp_path, settings):
    settings.MATRIX_SERVER_NAME = "example.org"
    with synapse_database(tmp_path) as source:
        cara = source.user("Cara", server="example.org", password="old password of Cara")
        source.device(cara, "OLDPHONE", display_name="Cara's phone")
        source.address(cara, "cara@example.org")
        call_command("import_synapse", source.where)
    for name in ("Cara", "cara", "@Cara:example.org"):
        body = log_in(client, name, "old password of Cara", device_id="OLDPHONE").json()
        assert (body["user_id"], body["device_id"]) == ("@Cara:example.org", "OLDPHONE")
    assert User.objects.get(username="Cara").password.startswith("argon2$")
    [device] = client.get(f"{API}/devices", token=body["access_token"]).json()["devices"]
    assert device["display_name"] == "Cara's phone"
    [address] = client.get(f"{API}/account/3pid", token=body["access_token"]).json()["threepids"]
    assert address["address"] == "cara@example.org"
