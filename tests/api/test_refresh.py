"""POST /api/token/refresh: the rules of R24 in the form of OAuth; the path's GET is Laverna's (one-origin.md §1)."""

import pytest

from accounts import clock, devices, rules, tokens, users
from accounts.models import AccessRule, AuditEvent, Device, Token

REFRESH, ME = "/api/token/refresh", "/api/me"


@pytest.fixture
def pair(bob):
    """As a sign-in with a code gives it: on the device of a remembered login."""
    from challenges.otp import grants

    device = devices.open(bob, kind=Device.Kind.OTP, display_name="Firefox on Linux")
    minted = tokens.Minted("nonce", 86_400)
    tokens.issue(minted, user=bob, flow=grants.FLOW, kind=Token.Kind.REMEMBERED, device=device, amr="pwd otp")
    return grants.issue_pair(bob, device=device, amr="pwd otp", until=clock.after(86_400))


def renewed(client, refresh):
    return client.post(REFRESH, data={"refresh": refresh})


def is_bad_grant(response):
    assert (response.status, response.json()["error"]) == (400, "invalid_grant")
    assert set(response.json()) == {"error", "error_description"}
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("cache-control") == "no-store"
    return True


def test_a_new_pair_opens_me_and_keeps_how_one_signed_in(client, pair):
    response = renewed(client, pair.refresh)
    assert response.status == 200
    assert set(response.json()) == {"access", "refresh", "expires_in"}
    assert 0 < response.json()["expires_in"] <= 300
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("cache-control") == "no-store"
    me = client.get(ME, token=response.json()["access"]).json()
    assert (me["username"], me["flow"], me["amr"]) == ("bob", "otp", ["pwd", "otp"])


def test_a_spent_token_ends_the_family(client, pair):
    second = renewed(client, pair.refresh).json()
    assert client.get(ME, token=second["access"]).status == 200
    third = renewed(client, second["refresh"]).json()
    assert client.get(ME, token=third["access"]).status == 200
    assert is_bad_grant(renewed(client, second["refresh"]))
    assert client.get(ME, token=third["access"]).status == 401
    assert is_bad_grant(renewed(client, third["refresh"]))
    assert AuditEvent.objects.filter(event="refresh-token-replayed", subject="bob").exists()


def test_a_lost_answer_is_made_good(client, pair):
    lost = renewed(client, pair.refresh).json()
    second = renewed(client, pair.refresh)
    assert second.status == 200
    assert client.get(ME, token=lost["access"]).status == 401
    assert client.get(ME, token=second.json()["access"]).status == 200


def test_it_dies_with_the_remembered_login(client, pair):
    tokens.revoke(Token.objects.filter(kind=Token.Kind.REMEMBERED), reason="test")
    assert is_bad_grant(renewed(client, pair.refresh))
    assert client.get(ME, token=pair.access).status == 401


def test_one_kind_never_passes_as_another(client, pair):
    assert is_bad_grant(renewed(client, pair.access))
    assert client.get(ME, token=pair.refresh).status == 401


@pytest.mark.parametrize("text", ["x", "a.b.c", "ey" * 3000, "é", "mar_x"])
def test_garbage_is_a_bad_grant(client, db, text):
    assert is_bad_grant(renewed(client, text))


def test_a_locked_account_and_a_denied_one_are_refused_and_given_back(client, bob, pair):
    users.lock(bob)
    assert is_bad_grant(renewed(client, pair.refresh))
    users.unlock(bob)
    rule = rules.add("deny", "ip", "203.0.113.7", flow="otp")
    assert is_bad_grant(renewed(client, pair.refresh))
    rules.remove(AccessRule.objects.filter(pk=rule.pk))
    assert renewed(client, pair.refresh).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"{}", b'{"refresh": null}', b'{"refresh": 5}', b"\xff"])
def test_a_malformed_body_is_an_invalid_request(client, db, body):
    response = client.post(REFRESH, body=body)
    assert (response.status, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_the_content_type_is_not_looked_at(client, pair, content_type):
    body = b'{"refresh": "%s"}' % pair.refresh.encode()
    assert client.post(REFRESH, body=body, headers={"Content-Type": content_type}).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_every_other_method_is_lavernas(client, db, method):
    response = client.request(method, REFRESH)
    assert (response.status, response.json()) == (404, {"message": "Not Found"})
    assert response.header("access-control-allow-origin") == "*"


def test_the_preflight_names_the_methods_of_both_owners(client, db):
    response = client.request("OPTIONS", REFRESH, headers={"Origin": "https://app.example"})
    assert response.status in {200, 204}
    assert response.header("access-control-allow-origin") == "*"
    assert set(response.header("allow").split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_errors_of_http_itself_go_by_the_owner_of_the_method(client, db):
    assert client.post(REFRESH, body=b"x" * 200_000).json()["error"] == "invalid_request"
    assert client.request("PUT", REFRESH, body=b"x" * 200_000).json() == {"message": "Payload Too Large"}


def test_a_trailing_slash_is_an_unknown_path(client, db):
    response = client.post(f"{REFRESH}/", data={"refresh": "x"})
    assert (response.status, response.json()) == (404, {"message": "Not Found"})
