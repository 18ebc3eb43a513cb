"""GET /api/me: any live access token of any door, and nothing else (one-origin.md §4)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock, emails, rules, tokens, users
from accounts.models import Flow, Token
from tests.session_client import SessionIdentity

ME = "/api/me"
INVALID = {"error": "invalid_token", "error_description": "Unknown access token"}


def is_refused(response, description="Unknown access token"):
    assert (response.status, response.json()) == (401, {**INVALID, "error_description": description})
    assert response.header("www-authenticate") == 'Bearer error="invalid_token"'
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("cache-control") == "no-store"
    return True


def matrix_login(client, **more):
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "bob"},
        "password": "correct horse battery",
    }
    return client.post("/_matrix/client/v3/login", data={**login, **more}).json()


@pytest.mark.parametrize("flow", list(Flow))
def test_a_token_of_each_door_says_who_bears_it(client, bob, issued, flow):
    response = client.get(ME, token=issued(flow))
    assert response.status == 200
    expires_at = response.json().pop("expires_at")
    assert response.json() == {
        "user_id": bob.pk,
        "username": "bob",
        "display_name": "Bob",
        "emails": ["bob@example.org"],
        "flow": flow.value,
        "amr": ["pwd", "otp"],
        "expires_at": expires_at,
    }
    left = datetime.fromisoformat(expires_at) - datetime.now(UTC)
    assert expires_at.endswith("Z")
    assert timedelta(0) < left <= timedelta(seconds=300)
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("access-control-allow-credentials") is None
    assert response.header("cache-control") == "no-store"
    assert response.header("content-type") == "application/json; charset=utf-8"


def test_the_token_of_a_real_matrix_login(client, bob):
    answer = matrix_login(client)
    body = client.get(ME, token=answer["access_token"]).json()
    assert (body["flow"], body["amr"], body["expires_at"]) == ("matrix", ["pwd"], None)


def test_the_token_of_a_real_session_login(client, db):
    identity = SessionIdentity()
    token = identity.log_in(client)
    body = client.get(ME, token=token).json()
    assert (body["flow"], body["amr"], body["username"], body["emails"]) == (
        "session",
        ["hwk"],
        identity.public_key,
        [],
    )
    shown = client.get("/loki/v1/user_info", token=token).json()["data"]
    assert body["user_id"] == shown["user_id"]


def test_only_confirmed_addresses_are_told_the_primary_one_first(client, bob, issued):
    emails.add_confirmed(bob, "a@example.org")
    EmailAddress.objects.create(user=bob, email="unconfirmed@example.org")
    assert client.get(ME, token=issued()).json()["emails"] == ["bob@example.org", "a@example.org"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(client, issued, scheme):
    assert client.get(ME, headers={"Authorization": f"{scheme}  {issued()}"}).status == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic eDp5", "mat_x"])
def test_without_a_bearer_it_is_401(client, db, authorization):
    assert is_refused(client.get(ME, headers={"Authorization": authorization}), "Missing access token")


@pytest.mark.parametrize("token", ["loki", "mat_é", "x" * 5000, "a b c", "\x00", "'; DROP TABLE", "é" * 40])
def test_garbage_is_401(client, db, token):
    assert is_refused(client.get(ME, headers={"Authorization": f"Bearer {token}"}))


def test_tokens_in_the_query_and_cookies_are_not_read(client, issued):
    token = issued()
    assert is_refused(client.get(f"{ME}?access_token={token}"), "Missing access token")
    assert client.get(f"{ME}?access_token=wrong", token=token).status == 200
    assert is_refused(client.get(ME, headers={"Cookie": f"session={token}"}), "Missing access token")


@pytest.mark.parametrize("kind", [Token.Kind.REFRESH, Token.Kind.REMEMBERED])
def test_only_access_tokens_open_it(client, issued, kind):
    assert is_refused(client.get(ME, token=issued(kind=kind)))


def test_inert_expired_and_revoked_tokens_are_unknown(client, issued, revoke):
    assert is_refused(client.get(ME, token=issued(active=False)))
    old, ended = issued(), issued()
    Token.objects.filter(digest=tokens.digest(old)).update(expires_at=clock.after(-1))
    assert is_refused(client.get(ME, token=old))
    assert client.get(ME, token=ended).status == 200
    revoke(ended)
    assert is_refused(client.get(ME, token=ended))


def test_a_logout_counts_with_the_next_request(client, bob):
    token = matrix_login(client)["access_token"]
    assert client.get(ME, token=token).status == 200
    client.post("/_matrix/client/v3/logout", token=token)
    assert is_refused(client.get(ME, token=token))


def test_a_locked_account_is_refused_and_given_back(client, bob, issued):
    token = issued()
    users.lock(bob)
    assert is_refused(client.get(ME, token=token))
    users.unlock(bob)
    assert client.get(ME, token=token).status == 200


def test_a_deactivated_account_is_refused(client, bob, issued):
    token = issued()
    users.deactivate(bob)
    assert is_refused(client.get(ME, token=token))


def test_a_suspended_account_may_say_who_it_is(client, bob, issued):
    users.suspend(bob)
    assert client.get(ME, token=issued()).status == 200


@pytest.mark.parametrize(
    ("field", "pattern"),
    [("username", "b*"), ("email", "bob@example.org"), ("domain", "example.org"), ("ip", "203.0.113.0/24")],
)
def test_a_rule_refuses_the_tokens_of_its_own_flow_only(client, bob, issued, field, pattern):
    tokens_by_flow = {flow: issued(flow) for flow in (Flow.OTP, Flow.MATRIX)}
    rules.add("deny", field, pattern, flow=Flow.OTP)
    assert is_refused(client.get(ME, token=tokens_by_flow[Flow.OTP]))
    assert client.get(ME, token=tokens_by_flow[Flow.MATRIX]).status == 200


def test_a_guest_of_matrix_is_nobody_here(client, issued, settings):
    settings.MATRIX_GUESTS = True
    token = client.post("/_matrix/client/v3/register?kind=guest", data={}).json()["access_token"]
    assert client.get("/_matrix/client/v3/account/whoami", token=token).status == 200
    response = client.get(ME, token=token)
    assert (response.status, response.json()["error"]) == (403, "insufficient_scope")


def test_the_first_use_of_a_refreshed_token_counts_here_too(client, bob):
    opened = matrix_login(client, refresh_token=True)
    renewed = client.post("/_matrix/client/v3/refresh", data={"refresh_token": opened["refresh_token"]}).json()
    assert client.get(ME, token=opened["access_token"]).status == 200
    assert client.get(ME, token=renewed["access_token"]).status == 200
    assert is_refused(client.get(ME, token=opened["access_token"]))  # the generation before is over


def test_the_last_use_is_noted(client, issued):
    token = issued()
    Token.objects.update(last_used_at=clock.after(-3600))
    client.get(ME, token=token)
    assert Token.objects.get().last_used_at > clock.after(-60)


def test_the_work_does_not_grow_with_the_number_of_tokens(client, issued):
    def queries():
        token = issued()
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get(ME, token=token).status == 200
        return len(seen)

    before = queries()
    for _ in range(30):
        issued()
    assert queries() == before <= 4


def test_head_and_preflight(client, issued):
    response = client.request("HEAD", ME, token=issued())
    assert (response.status, response.body) == (200, b"")
    response = client.request("OPTIONS", ME, headers={"Origin": "https://app.example"})
    assert response.status in {200, 204}
    assert response.header("access-control-allow-origin") == "*"
    assert "Authorization" in response.header("access-control-allow-headers")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_405_in_the_form_of_oauth(client, issued, method):
    response = client.request(method, ME, token=issued())
    assert (response.status, response.json()["error"]) == (405, "invalid_request")
    assert "GET" in response.header("allow")


def test_a_trailing_slash_is_an_unknown_path(client, issued):
    response = client.get("/api/me/", token=issued())
    assert (response.status, response.json()) == (404, {"message": "Not Found"})


def test_errors_of_http_itself_have_the_same_form(client, db):
    response = client.post(ME, body=b"x" * 70_000)
    assert (response.status, response.json()["error"]) == (413, "invalid_request")


def test_no_answer_holds_the_token(client, issued):
    token = issued()
    assert token not in client.get(ME, token=token).text
    assert token not in json.dumps(client.get(ME, token=token + "x").headers)
