"""get_challenge and submit_challenge: the tables of session-open-group.md §4.1 and §4.2, row by row."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import rules, users
from accounts.models import AuditEvent, Device, Token, User, X25519Key
from tests.session_client import SessionIdentity

pytestmark = pytest.mark.django_db


@pytest.fixture
def identity():
    return SessionIdentity()


def outcome(response):
    return response.status, response.json()


def test_a_client_logs_in_and_its_token_names_it(client, identity):
    token = identity.log_in(client)
    assert client.get("/token", token=token).json()["data"]["user"]["username"] == identity.public_key


def test_a_challenge_is_bare_and_not_stored_by_anyone(client, identity):
    response = identity.challenge(client)
    assert set(response.json()) == {"cipherText64", "serverPubKey64"}
    assert response.header("cache-control") == "no-store"
    assert response.header("content-type") == "application/json; charset=utf-8"
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("access-control-allow-credentials") is None


def test_a_challenge_writes_nothing(client, identity, django_assert_num_queries):
    identity.challenge(client)  # what kinds of rules exist is read once
    with django_assert_num_queries(0):
        identity.challenge(client)
    assert User.objects.count() == X25519Key.objects.count() == Token.objects.count() == 0


def test_upper_case_names_the_same_person(client, identity):
    shouted = "05" + identity.public_key[2:].upper()
    challenge = client.get("/loki/v1/get_challenge", params={"pubKey": shouted}).json()
    assert identity.submit(client, identity.decrypt(challenge), public_key=shouted).status == 200
    assert X25519Key.objects.get().public_key == identity.public_key


@pytest.mark.parametrize("query", ["", "pubKey=", "pubkey=05", "pubKey[]=05ab", "pubKey[x]=05ab"])
def test_a_challenge_without_key_is_422_missing(client, query):
    assert outcome(client.get(f"/loki/v1/get_challenge?{query}")) == (422, {"error": "pubKey missing"})


@pytest.mark.parametrize(
    "value", ["05", "ef" * 32, "05" + "g" * 64, "05" + "a" * 63, "05" + "a" * 65, "06" + "a" * 64, "%00", "é", "%ff%fe"]
)
def test_a_malformed_key_is_422_invalid(client, value):
    assert outcome(client.get(f"/loki/v1/get_challenge?pubKey={value}")) == (422, {"error": "pubKey invalid"})


def test_a_key_given_twice_is_422_invalid(client, identity):
    key = identity.public_key
    response = client.get("/loki/v1/get_challenge", params=[("pubKey", key), ("pubKey", key)])
    assert outcome(response) == (422, {"error": "pubKey invalid"})


def test_a_dummy_authorization_does_not_disturb(client, identity):
    response = client.get("/loki/v1/get_challenge", params={"pubKey": identity.public_key}, token="loki")
    assert response.status == 200


def test_two_challenges_are_independent(client, identity):
    first, second = identity.answer(client), identity.answer(client)
    assert first != second
    assert identity.submit(client, second).status == 200
    assert identity.submit(client, first).status == 200


def test_success_is_an_empty_object(client, identity):
    response = identity.submit(client, identity.answer(client))
    assert (response.status, response.body) == (200, b"{}")


@pytest.mark.parametrize("body", [b"{", b"", b"not json", b"\xff", b'{"pubKey":"a","pubKey":"a"}', b"[" * 40_000])
def test_a_body_that_is_no_json_is_400(client, body):
    response = client.post("/loki/v1/submit_challenge", body=body, headers={"Content-Type": "application/json"})
    assert outcome(response) == (400, {"error": "invalid JSON"})


@pytest.mark.parametrize("data", [[], "text", 1, None, {}, {"pubKey": ""}, {"pubKey": None}, {"token": "x"}])
def test_a_submit_without_key_is_422_missing(client, data):
    assert outcome(client.post("/loki/v1/submit_challenge", data=data)) == (422, {"error": "pubKey missing"})


@pytest.mark.parametrize("key", [5, ["05"], {"a": 1}, True, "05", "05" + "0" * 64])
def test_a_submit_with_a_malformed_key_is_422_invalid(client, key):
    response = client.post("/loki/v1/submit_challenge", data={"pubKey": key, "token": "x"})
    assert outcome(response) == (422, {"error": "pubKey invalid"})


@pytest.mark.parametrize("token", [None, ""])
def test_a_submit_without_token_is_422(client, identity, token):
    assert outcome(identity.submit(client, token)) == (422, {"error": "token missing"})


@pytest.mark.parametrize("token", [1, [], {"a": 1}, True, "x", "a" * 96, "é", "a" * 5000])
def test_a_submit_with_no_token_of_ours_is_401(client, identity, token):
    assert outcome(identity.submit(client, token)) == (401, {"error": "invalid"})


def test_other_content_types_look_like_an_empty_body(client, identity):
    response = client.post("/loki/v1/submit_challenge", body=b'{"pubKey":"x"}', headers={"Content-Type": "text/plain"})
    assert outcome(response) == (422, {"error": "pubKey missing"})


def test_the_query_of_a_submit_is_ignored(client, identity):
    response = client.post(f"/loki/v1/submit_challenge?pubKey={identity.public_key}&token=x", data={})
    assert outcome(response) == (422, {"error": "pubKey missing"})


def test_a_token_submitted_with_another_key_stays_its_owners(client, identity):
    token, thief = identity.answer(client), SessionIdentity()
    assert outcome(identity.submit(client, token, public_key=thief.public_key)) == (401, {"error": "invalid"})
    assert not User.objects.exists()
    assert identity.submit(client, token).status == 200


def test_a_token_is_activated_once(client, identity):
    token = identity.log_in(client)
    assert outcome(identity.submit(client, token)) == (401, {"error": "invalid"})
    assert Token.objects.count() == Device.objects.count() == 1


def test_a_revoked_token_is_never_activated_again(client, identity):
    token = identity.log_in(client)
    assert client.delete("/token", token=token).status == 200
    assert outcome(identity.submit(client, token)) == (401, {"error": "invalid"})
    assert client.get("/token", token=token).status == 401


def test_a_challenge_expires_after_120_seconds(client, identity):
    late, in_time = identity.answer(client), identity.answer(client)
    with time_machine.travel(timezone.now() + timedelta(seconds=118)):
        assert identity.submit(client, in_time).status == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=121)):
        assert outcome(identity.submit(client, late)) == (401, {"error": "invalid"})


def test_a_challenge_survives_a_change_of_the_secret_key(client, identity, settings):
    token = identity.answer(client)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of sufficient length 0123456789"
    assert identity.submit(client, token).status == 200


def test_a_banned_key_is_refused_before_anything_else_is_looked_at(client, identity):
    token = identity.answer(client)
    rules.add("deny", "pubkey", identity.public_key)
    refused = (401, {"error": "not allowed"})
    assert outcome(identity.challenge(client)) == refused
    assert outcome(identity.submit(client, token)) == refused
    assert outcome(identity.submit(client, None)) == refused


def test_a_locked_account_is_refused_only_to_who_holds_the_key(client, identity):
    identity.log_in(client)
    users.lock(users.get(identity.public_key))
    assert outcome(identity.submit(client, "a" * 96)) == (401, {"error": "invalid"})
    assert outcome(identity.submit(client, identity.answer(client))) == (401, {"error": "not allowed"})


def test_a_deactivated_account_does_not_come_back(client, identity):
    identity.log_in(client)
    users.deactivate(users.get(identity.public_key))
    assert outcome(identity.submit(client, identity.answer(client))) == (401, {"error": "not allowed"})
    assert User.objects.count() == 1


def test_challenges_are_limited_per_address(client, identity, settings):
    settings.SESSION_CHALLENGE_RATE = settings.SESSION_CHALLENGE_RATE.__class__(2, 60)
    assert [identity.challenge(client).status for _ in range(3)] == [200, 200, 429]
    response = identity.challenge(client)
    assert response.json() == {"error": "too many requests"}
    assert 1 <= int(response.header("retry-after")) <= 30
    client.address = "203.0.113.8"
    assert identity.challenge(client).status == 200


def test_failed_submits_are_limited_and_then_even_a_right_one_waits(client, identity, settings):
    settings.SESSION_FAILURE_RATE = settings.SESSION_FAILURE_RATE.__class__(2, 60)
    token = identity.answer(client)
    assert [identity.submit(client, "wrong").status for _ in range(3)] == [401, 401, 429]
    assert identity.submit(client, token).status == 429
    client.address = "203.0.113.8"
    assert identity.submit(client, token).status == 200


def test_right_submits_use_up_no_allowance(client, settings):
    settings.SESSION_FAILURE_RATE = settings.SESSION_FAILURE_RATE.__class__(2, 60)
    for _ in range(5):
        SessionIdentity().log_in(client)


def test_logins_and_failures_are_in_the_audit_log_without_secrets(client, identity):
    token = identity.log_in(client)
    identity.submit(client, "wrong")
    success, failure = AuditEvent.objects.filter(event="login").order_by("pk")
    assert (success.outcome, success.subject, success.ip) == ("success", identity.public_key, "203.0.113.7")
    assert (failure.outcome, failure.reason) == ("refused", "challenge-invalid")
    assert token not in str(AuditEvent.objects.values_list())


@pytest.mark.parametrize("path", ["//loki/v1/get_challenge", "/loki/v1/get_challenge/"])
def test_doubled_and_trailing_slashes_work(client, identity, path):
    assert client.request("GET", path, params={"pubKey": identity.public_key}).status == 200


def test_head_follows_get(client, identity):
    response = client.request("HEAD", "/loki/v1/get_challenge", params={"pubKey": identity.public_key})
    assert response.status == 200


@pytest.mark.parametrize("path", ["/loki/v1/get_challenge", "/loki/v1/submit_challenge"])
def test_other_methods_are_405_in_the_doors_form(client, path):
    response = client.request("PUT", path, data={})
    assert outcome(response) == (405, {"error": "Method Not Allowed"})


def test_a_preflight_is_200(client):
    response = client.request("OPTIONS", "/loki/v1/submit_challenge", headers={"Origin": "https://a.example"})
    assert response.status == 200
    assert "POST" in response.header("access-control-allow-methods")
