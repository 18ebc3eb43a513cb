"""Revocation and introspection (RFC 7009, RFC 7662; matrix-oauth.md §6, §8; R25)."""

import pytest
from django.test import override_settings

from accounts import clock, rules, users
from accounts.models import AuditEvent, Device
from tests.matrix.people import logged_in
from tests.matrix.people import register as register_matrix
from tests.oauth import people
from tests.oauth.people import basic, error, form, refresh, signed_in, who_am_i

pytestmark = pytest.mark.django_db
SECRET = "a secret of homeserver and us"
API = "urn:matrix:client:api:* urn:matrix:org.matrix.msc2967.client:api:*"


@pytest.fixture(autouse=True)
def shared_secret(settings):
    settings.MATRIX_HOMESERVER_SECRET = SECRET


def revoke(client, token, **more):
    return form(client, "/oauth2/revoke", {"token": token, **more})


def introspect(client, token, *, secret=SECRET, beside=True, **more):
    headers = {"Authorization": f"Bearer {secret}"} | ({"X-MAS-Supports-Device-Id": "1"} if beside else {})
    return form(client, "/oauth2/introspect", {"token": token, **more}, **headers)


@pytest.mark.parametrize("which", ["access", "refresh"])
def test_revoking_either_token_ends_session_and_device(client, ann, program, which):
    issued = signed_in(client, ann, program)
    answer = revoke(client, getattr(issued, which), client_id=program)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("access-control-allow-origin") == "*"
    assert who_am_i(client, issued.access).json()["errcode"] == "M_UNKNOWN_TOKEN"
    assert error(refresh(client, issued.refresh, program)) == (400, "invalid_grant")
    assert not Device.objects.filter(user=ann, kind=Device.Kind.MATRIX).exists()


@pytest.mark.parametrize("token", ["unknown", "mat_x", "ü", "mat_YW5u_" + "A" * 43 + "_AAAAAA"])
def test_an_unknown_token_is_revoked_too(client, ann, token):
    assert revoke(client, token).status == 200


def test_a_revoked_one_is_revoked_again(client, ann, program):
    issued = signed_in(client, ann, program)
    for _ in range(2):
        assert revoke(client, issued.access).status == 200


def test_an_expired_access_token_still_ends_its_session(client, ann, program, time_machine):
    issued = signed_in(client, ann, program)
    time_machine.move_to(clock.after(600))
    assert revoke(client, issued.access, client_id=program).status == 200
    assert error(refresh(client, issued.refresh, program)) == (400, "invalid_grant")


def test_without_a_token_it_is_an_invalid_request(client):
    assert error(form(client, "/oauth2/revoke", {"client_id": "x"})) == (400, "invalid_request")
    assert error(client.post("/oauth2/revoke", data={"token": "x"})) == (400, "invalid_request")


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unheard_of"])
def test_a_hint_changes_nothing(client, ann, program, hint):
    issued = signed_in(client, ann, program)
    assert revoke(client, issued.access, token_type_hint=hint).status == 200
    assert who_am_i(client, issued.access).status == 401


@pytest.mark.parametrize("client_id", ["", "forgotten", "OTHER"])
def test_whoever_holds_a_token_may_end_it_and_it_is_logged(client, ann, program, client_id):
    named = people.register(client, client_name="Other")["client_id"] if client_id == "OTHER" else client_id
    issued = signed_in(client, ann, program)
    assert revoke(client, issued.access, **({"client_id": named} if named else {})).status == 200
    assert who_am_i(client, issued.access).status == 401
    facts = AuditEvent.objects.get(event="token-revoked").facts
    assert (facts["client"], facts["by"]) == (program, named or "nobody named")


def test_a_wrong_secret_is_refused(client, ann, keeper):
    client_id = keeper["client_id"]
    issued = people.issued(
        people.redeem(client, people.approved(ann, client_id), client_id, client_secret=keeper["client_secret"])
    )
    assert error(revoke(client, issued.access, client_id=client_id)) == (401, "invalid_client")
    assert error(revoke(client, issued.access, client_id=client_id, client_secret="x")) == (401, "invalid_client")
    wrong = form(client, "/oauth2/revoke", {"token": issued.access}, Authorization=basic(client_id, "x"))
    assert error(wrong) == (401, "invalid_client")
    assert wrong.header("www-authenticate").startswith("Basic")
    assert who_am_i(client, issued.access).status == 200
    good = basic(client_id, keeper["client_secret"])
    assert form(client, "/oauth2/revoke", {"token": issued.access}, Authorization=good).status == 200
    assert who_am_i(client, issued.access).status == 401


def test_a_token_of_the_matrix_login_may_be_revoked_here(client, db):
    bob = register_matrix(client, "bob")
    assert revoke(client, bob.token).status == 200
    assert who_am_i(client, bob.token).status == 401


def test_an_oauth_session_is_told_in_full_and_in_both_spellings(client, ann, program):
    issued = signed_in(client, ann, program, scope=people.device_scope() + " openid")
    answer = introspect(client, issued.access, token_type_hint="access_token")
    body = answer.json()
    device = "urn:matrix:client:device:AAABBBCCCDDD urn:matrix:org.matrix.msc2967.client:device:AAABBBCCCDDD"
    assert answer.status == 200
    assert answer.header("cache-control") == "no-store"
    assert answer.header("access-control-allow-origin") is None
    assert body["scope"] == f"{API} {device} openid"
    assert (body["active"], body["client_id"], body["username"]) == (True, program, "ann")
    assert (body["token_type"], body["sub"]) == ("access_token", ann.sub)
    assert 290 <= body["expires_in"] <= 300
    assert body["exp"] - body["iat"] == 300
    assert body["nbf"] == body["iat"]
    assert len(body["jti"]) == 32


def test_a_legacy_token_is_told_with_its_device_beside_the_scope(client, db):
    bob = register_matrix(client, "bob", device_id="my phone")
    body = introspect(client, bob.token, token_type_hint="access_token").json()
    assert (body["client_id"], body["scope"], body["device_id"]) == ("legacy", API, "my phone")
    assert {"exp", "expires_in"}.isdisjoint(body)
    assert introspect(client, bob.token, beside=False).json() == {"active": False}


def test_without_the_header_a_legacy_device_stands_in_the_scope(client, db):
    bob = register_matrix(client, "bob", device_id="PHONE")
    body = introspect(client, bob.token, beside=False).json()
    device = "urn:matrix:client:device:PHONE urn:matrix:org.matrix.msc2967.client:device:PHONE"
    assert body["scope"] == f"{API} {device}"
    assert "device_id" not in body


@pytest.mark.parametrize("token", ["unknown", "mat_x", "ü", "x" * 5000])
def test_an_unknown_token_is_inactive_and_nothing_else(client, ann, token):
    answer = introspect(client, token)
    assert (answer.status, answer.json()) == (200, {"active": False})


def test_expired_locked_denied_and_deactivated_are_inactive(client, ann, program, time_machine):
    issued = signed_in(client, ann, program)
    inactive = {"active": False}
    assert introspect(client, issued.access).json()["active"]
    assert introspect(client, issued.access, token_type_hint="refresh_token").json() == inactive
    users.lock(ann)
    assert introspect(client, issued.access).json() == inactive
    users.unlock(ann)
    assert introspect(client, issued.access).json()["active"]
    rules.set_mode("devicelogin", whitelist=True)
    assert introspect(client, issued.access).json() == inactive
    rules.set_mode("devicelogin", whitelist=False)
    time_machine.move_to(clock.after(301))
    assert introspect(client, issued.access).json() == inactive
    fresh = signed_in(client, ann, program)
    users.deactivate(ann)
    assert introspect(client, fresh.access).json() == inactive


def test_a_refresh_token_is_one(client, ann, program):
    issued = signed_in(client, ann, program)
    body = introspect(client, issued.refresh).json()
    assert (body["active"], body["token_type"]) == (True, "refresh_token")
    assert introspect(client, issued.refresh, token_type_hint="access_token").json() == {"active": False}
    people.issued(refresh(client, issued.refresh, program))


@override_settings(MATRIX_GUESTS=True)
def test_a_guest_is_nobody_to_a_homeserver(client, db):
    answer = client.post("/_matrix/client/v3/register?kind=guest", data={})
    assert introspect(client, answer.json()["access_token"]).json() == {"active": False}


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", "ü"])
def test_another_secret_is_refused(client, secret):
    answer = introspect(client, "x", secret=secret)
    assert error(answer) == (401, "access_denied")
    assert answer.header("www-authenticate")


def test_no_secret_is_refused_even_when_none_is_set(client, settings):
    assert error(form(client, "/oauth2/introspect", {"token": "x"})) == (401, "access_denied")
    settings.MATRIX_HOMESERVER_SECRET = ""
    assert error(introspect(client, "x", secret="")) == (401, "access_denied")


def test_a_missing_token_is_an_invalid_request(client):
    answer = form(client, "/oauth2/introspect", {"x": "y"}, Authorization=f"Bearer {SECRET}")
    assert error(answer) == (400, "invalid_request")


def test_a_confidential_program_hears_of_its_own_tokens_only(client, ann, program, keeper):
    client_id, secret = keeper["client_id"], keeper["client_secret"]
    code = people.approved(ann, client_id, scope="openid")
    own = people.issued(people.redeem(client, code, client_id, client_secret=secret))
    foreign = signed_in(client, ann, program)
    header = {"Authorization": basic(client_id, secret)}
    assert form(client, "/oauth2/introspect", {"token": own.access}, **header).json()["client_id"] == client_id
    assert form(client, "/oauth2/introspect", {"token": foreign.access}, **header).json() == {"active": False}
    in_form = {"token": own.access, "client_id": client_id, "client_secret": secret}
    assert form(client, "/oauth2/introspect", in_form).json()["active"]
    wrong = form(client, "/oauth2/introspect", {"token": own.access}, Authorization=basic(client_id, "x"))
    assert error(wrong) == (401, "invalid_client")


def test_a_public_program_is_no_caller(client, ann, program):
    issued = signed_in(client, ann, program)
    fields = {"token": issued.access, "client_id": program}
    assert error(form(client, "/oauth2/introspect", fields)) == (401, "access_denied")
    assert error(form(client, "/oauth2/introspect", fields | {"client_secret": "x"})) == (401, "invalid_client")


def test_userinfo_tells_who_bears_the_token(client, program):
    eve = people.person("eve", email="eve@example.org")
    plain = signed_in(client, eve, program, scope="openid")
    with_email = signed_in(client, eve, program, scope="openid email")
    answer = client.get("/oauth2/userinfo", token=plain.access)
    assert answer.json() == {"sub": eve.sub, "username": "eve"}
    assert answer.header("cache-control") == "no-store"
    told = client.post("/oauth2/userinfo", token=with_email.access).json()
    assert told == {"sub": eve.sub, "username": "eve", "email": "eve@example.org"}


def test_userinfo_wants_a_token_with_openid(client, ann, program):
    for token in ("", "x", register_matrix(client, "bob").token):
        answer = client.get("/oauth2/userinfo", token=token)
        assert error(answer) == (401, "invalid_token")
        assert answer.header("www-authenticate").startswith("Bearer")
    without = signed_in(client, ann, program)
    assert error(client.get("/oauth2/userinfo", token=without.access)) == (403, "insufficient_scope")
    users.lock(ann)
    assert error(client.get("/oauth2/userinfo", token=without.access)) == (401, "invalid_token")


def test_the_small_api_knows_an_oauth_token(client, ann, program):
    issued = signed_in(client, ann, program)
    body = client.get("/api/me", token=issued.access).json()
    assert (body["username"], body["flow"], body["amr"]) == ("ann", "devicelogin", ["pwd"])
    assert client.get("/api/me", token=issued.refresh).status == 401


def test_the_browsers_own_token_opens_nothing(client, ann):
    from accounts import tokens

    kind = "browser"
    tokens.issue(tokens.Minted("browser secret", 60), user=ann, flow="devicelogin", kind=kind)
    for path in ("/api/me", "/oauth2/userinfo", "/_matrix/client/v3/account/whoami", "/token"):
        assert client.get(path, token="browser secret").status == 401
    assert introspect(client, "browser secret").json() == {"active": False}
    assert logged_in(client, "ann").token
