"""What an attack on OAuth and its pages tried, and what must not come of it."""

from typing import Any
from urllib.parse import urlencode

import pytest

from accounts import rules, tokens, users
from accounts.models import Flow, Token
from devicelogin.oauth import clients
from tests.asgi_client import Client
from tests.matrix import people as matrix_people
from tests.oauth import people
from tests.oauth.people import API, CALLBACK
from tests.pages.visitor import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(client: Client, db: None) -> Visitor:
    return Visitor(client)


@pytest.fixture
def signed_in(visitor: Visitor, ann: Any) -> Visitor:
    visitor.sign_in("ann")
    return visitor


def link(client_id: str, **more: str) -> str:
    sent = people.parameters(client_id, **more)
    return f"/authorize?{urlencode([(name, value) for name, values in sent.items() for value in values])}"


def basic(program: dict[str, Any]) -> str:
    return people.basic(program["client_id"], program["client_secret"])


def introspected(client: Client, token: str, program: dict[str, Any]) -> Any:
    answer = people.form(client, "/oauth2/introspect", {"token": token}, Authorization=basic(program))
    assert answer.status == 200, answer.text
    return answer.json()


# --- Introspection ------------------------------------------------------------------------------


def test_another_program_learns_nothing_of_a_refresh_token(client, ann, program, keeper):
    pair = people.signed_in(client, ann, program)
    assert introspected(client, pair.refresh, keeper) == {"active": False}
    assert introspected(client, pair.access, keeper) == {"active": False}


def test_a_look_of_another_program_is_no_use_of_the_token(client, ann, program, keeper):
    """A use would spend the refresh token before: a stranger could end the tolerance for a lost answer."""
    pair = people.signed_in(client, ann, program)
    fresh = people.issued(people.refresh(client, pair.refresh, program))
    introspected(client, fresh.access, keeper)
    assert people.refresh(client, pair.refresh, program).status == 200


def test_tokens_of_other_doors_and_of_browsers_are_unknown_to_introspection(client, signed_in, keeper):
    Token.objects.filter(kind=Token.Kind.BROWSER).update(digest=tokens.digest("a secret of a browser"))
    assert introspected(client, "a secret of a browser", keeper) == {"active": False}
    legacy = matrix_people.logged_in(client, "ann")
    assert introspected(client, legacy.token, keeper) == {"active": False}


def test_a_token_that_opens_not_enough_is_refused_with_its_scheme(client, ann, program):
    """RFC 6750 §3: whenever a token does not open a resource, the answer names the scheme."""
    answer = client.get("/oauth2/userinfo", token=people.signed_in(client, ann, program).access)
    assert answer.status in {401, 403}
    assert (answer.header("www-authenticate") or "").startswith("Bearer")


# --- Codes and grants ---------------------------------------------------------------------------


def test_a_program_with_a_secret_cannot_leave_pkce_out(client, visitor, keeper):
    answer = visitor.get(link(keeper["client_id"], code_challenge="", code_challenge_method=""))
    assert "error=invalid_request" in (answer.header("location") or "")


def test_a_code_with_a_challenge_is_not_redeemed_without_the_verifier(client, ann, keeper):
    code = people.approved(ann, keeper["client_id"])
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    answer = people.form(client, "/oauth2/token", fields, Authorization=basic(keeper))
    assert people.error(answer) == (400, "invalid_request")


def test_a_code_dies_with_the_sign_in_that_gave_it(client, ann, program):
    browser = people.browser_of(ann)
    code = people.approved(ann, program, browser)
    tokens.revoke(Token.objects.filter(pk=browser.token_id), reason="signed out")
    assert people.error(people.redeem(client, code, program)) == (400, "invalid_grant")


def test_a_program_blocked_after_the_yes_gets_nothing(client, ann, program):
    code = people.approved(ann, program)
    grant = people.ask_device(client, program).json()
    people.allow(grant["user_code"], ann)
    clients.block("example.com", actor=ann)
    assert people.redeem(client, code, program).status in {400, 401}
    assert people.poll(client, grant["device_code"], program).status in {400, 401}
    clients.unblock("example.com", actor=ann)
    assert people.redeem(client, code, program).status in {400, 401}
    assert people.poll(client, grant["device_code"], program).status in {400, 401}
    assert not Token.objects.filter(client=program).exists()


@pytest.mark.parametrize(("field", "value"), [("ip", "203.0.113.7"), ("username", "a*")])
def test_a_rule_made_after_the_yes_counts(client, ann, program, field, value):
    code = people.approved(ann, program)
    grant = people.ask_device(client, program).json()
    people.allow(grant["user_code"], ann)
    rules.add("deny", field, value, flow="devicelogin", author=ann)
    assert people.error(people.redeem(client, code, program)) == (400, "invalid_grant")
    assert people.poll(client, grant["device_code"], program).status == 400
    assert not Token.objects.filter(client=program, revoked_at=None).exists()


def test_a_password_change_after_the_yes_ends_what_was_given(client, ann, program):
    code = people.approved(ann, program)
    grant = people.ask_device(client, program).json()
    people.allow(grant["user_code"], ann)
    users.set_password(ann, "another good password")
    assert people.error(people.redeem(client, code, program)) == (400, "invalid_grant")
    assert people.poll(client, grant["device_code"], program).status == 400
    assert not Token.objects.filter(client=program, revoked_at=None).exists()


def test_ending_all_sessions_ends_what_was_given_and_not_yet_fetched(client, ann, program):
    code = people.approved(ann, program)
    grant = people.ask_device(client, program).json()
    people.allow(grant["user_code"], ann)
    users.end_all_sessions(ann)
    assert people.error(people.redeem(client, code, program)) == (400, "invalid_grant")
    assert people.poll(client, grant["device_code"], program).status == 400


def test_a_poll_widens_no_scope(client, ann, program):
    grant = people.ask_device(client, program, API).json()
    people.allow(grant["user_code"], ann)
    fields = {"grant_type": people.DEVICE_GRANT, "device_code": grant["device_code"], "client_id": program}
    answer = people.form(client, "/oauth2/token", {**fields, "scope": f"{API} urn:synapse:admin:* openid"})
    assert (answer.status, answer.json()["scope"], "id_token" in answer.json()) == (200, API, False)


def test_a_redemption_widens_no_scope(client, ann, program):
    answer = people.redeem(client, people.approved(ann, program, scope=API), program, scope=f"{API} openid")
    assert (answer.status, answer.json()["scope"], "id_token" in answer.json()) == (200, API, False)


def test_refresh_tokens_stay_at_their_door(client, ann, program):
    legacy = matrix_people.logged_in(client, "ann", refresh_token=True)
    assert people.error(people.refresh(client, legacy.refresh_token, program)) == (400, "invalid_grant")
    pair = people.signed_in(client, ann, program)
    assert matrix_people.refresh(client, pair.refresh).status in {401, 403, 404}
    assert people.refresh(client, pair.refresh, program).status == 200
    assert matrix_people.refresh(client, legacy.refresh_token).status == 200


def test_a_thief_with_another_program_neither_uses_nor_ends_a_session(client, ann, program):
    other = people.register(client, client_uri="https://example.net/", redirect_uris=["https://example.net/cb"])
    pair = people.signed_in(client, ann, program)
    fresh = people.issued(people.refresh(client, pair.refresh, program))
    assert people.who_am_i(client, fresh.access).status == 200
    for token in (pair.refresh, fresh.refresh):
        assert people.error(people.refresh(client, token, other["client_id"])) == (400, "invalid_grant")
    assert people.who_am_i(client, fresh.access).status == 200
    assert people.refresh(client, fresh.refresh, program).status == 200


def test_no_token_of_a_browser_opens_a_door(client, ann, program):
    browser = people.browser_of(ann)
    Token.objects.filter(pk=browser.token_id).update(digest=tokens.digest("a secret of a browser"))
    for path in ("/oauth2/userinfo", "/api/me", "/_matrix/client/v3/account/whoami", "/token"):
        assert client.get(path, token="a secret of a browser").status == 401
    assert tokens.check("a secret of a browser", flow=Flow.DEVICELOGIN) is None
