"""Introspection, revocation and userinfo in raw HTTP (matrix-oauth.md §6, §9; R25), with each of their refusals."""

from typing import Any

import pytest

from tests.conformance.oauth.person import LONG_AGO, PASSWORD, Operator
from tests.conformance.oauth.provider import API, Provider, basic
from tests.conformance.oauth.test_refused_tokens import Visit, new_visit
from tests.conformance.oauth.wire import ISSUER, ask
from tests.homeserver.synapse import SECRET
from tests.live import Installation
from tests.live.matrix import log_in

CALLER = {"Authorization": f"Bearer {SECRET}"}
INACTIVE = {"active": False}


@pytest.fixture(scope="module")
def visit(delegated_installation: Installation) -> Visit:
    return new_visit(delegated_installation)


@pytest.fixture(scope="module")
def confidential(delegated_installation: Installation) -> Visit:
    return new_visit(delegated_installation, token_endpoint_auth_method="client_secret_post")


@pytest.fixture
def operator(delegated_installation: Installation) -> Operator:
    return Operator(delegated_installation)


def test_a_homeserver_learns_what_synapse_asks(visit: Visit) -> None:
    opened = visit.tokens()
    told = visit.provider.introspect(opened["access_token"], CALLER)
    unstable = opened["scope"].replace("urn:matrix:client:", "urn:matrix:org.matrix.msc2967.client:").split()
    assert set(told["scope"].split()) == {*opened["scope"].split(), *unstable}
    assert (told["active"], told["username"], told["token_type"]) == (True, visit.person.name, "access_token")
    assert told["client_id"] == visit.client.client_id
    assert 0 < told["expires_in"] <= 300
    assert told["nbf"] == told["iat"] == told["exp"] - 300
    assert isinstance(told["sub"], str)
    assert isinstance(told["jti"], str)
    assert opened["access_token"] not in str(told)


def test_a_token_of_the_matrix_login_is_known_too(visit: Visit) -> None:
    session = log_in(visit.provider.port, visit.person.name, device_id="DEVICE OF OLD")
    plain = visit.provider.introspect(session["access_token"], CALLER)
    assert plain == INACTIVE, "an id with blanks fits into no scope"
    told = visit.provider.introspect(session["access_token"], {**CALLER, "X-MAS-Supports-Device-Id": "1"})
    assert (told["client_id"], told["device_id"]) == ("legacy", "DEVICE OF OLD")
    assert set(told["scope"].split()) == {API, "urn:matrix:org.matrix.msc2967.client:api:*"}
    assert {"exp", "expires_in"}.isdisjoint(told)
    assert PASSWORD not in str(told)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "pat", "é", ""])
def test_a_hint_is_only_a_hint_to_synapse(visit: Visit, hint: str) -> None:
    session = log_in(visit.provider.port, visit.person.name, device_id="PLAINDEVICE")
    fields = {"token": session["access_token"], "token_type_hint": "access_token"}
    answer = visit.provider.post("introspect", fields, CALLER)
    assert answer.json["active"] is True
    answer = visit.provider.post("introspect", {"token": "never seen", "token_type_hint": hint}, CALLER)
    assert (answer.status, answer.json) == (200, INACTIVE)


CALLERS: dict[str, tuple[dict[str, str], dict[str, str], set[str]]] = {
    "nobody": ({}, {}, {"access_denied", "invalid_client"}),
    "a wrong secret": ({"Authorization": "Bearer wrong"}, {}, {"access_denied"}),
    "an empty secret": ({"Authorization": "Bearer "}, {}, {"access_denied", "invalid_client"}),
    "a secret with more": ({"Authorization": f"Bearer {SECRET}x"}, {}, {"access_denied"}),
    "a secret beyond ASCII": ({"Authorization": "Bearer \xe9\xff"}, {}, {"access_denied"}),
    "the secret as a password": (basic("homeserver", SECRET), {}, {"invalid_client"}),
    "an unknown program": (basic("unknown", "secret"), {}, {"invalid_client"}),
    "an unknown program in the form": ({}, {"client_id": "unknown", "client_secret": "x"}, {"invalid_client"}),
}


@pytest.mark.parametrize(("headers", "fields", "errors"), CALLERS.values(), ids=CALLERS)
def test_only_servers_may_introspect(
    visit: Visit, headers: dict[str, str], fields: dict[str, str], errors: set[str]
) -> None:
    token = visit.tokens()["access_token"]
    answer = visit.provider.post("introspect", {"token": token, **fields}, headers)
    assert answer.status == 401
    assert answer.error in errors
    assert answer.headers["WWW-Authenticate"]


def test_a_program_without_a_secret_may_not_introspect(visit: Visit) -> None:
    fields = {"token": visit.tokens()["access_token"], "client_id": visit.client.client_id}
    assert visit.provider.post("introspect", fields).outcome in {(401, "access_denied"), (401, "invalid_client")}


def test_a_program_learns_nothing_of_another_ones_token(visit: Visit, confidential: Visit) -> None:
    caller = basic(confidential.client.client_id, confidential.client.secret)
    opened = visit.tokens()
    assert visit.provider.introspect(opened["access_token"], caller) == INACTIVE
    assert visit.provider.introspect(opened["refresh_token"], caller) == INACTIVE
    assert visit.provider.introspect(confidential.tokens()["access_token"], caller)["active"] is True


def test_introspection_needs_a_token(visit: Visit) -> None:
    assert visit.provider.post("introspect", {"x": "y"}, CALLER).outcome == (400, "invalid_request")
    fields = [("token", "a"), ("token", "b")]
    assert visit.provider.post("introspect", fields, CALLER).outcome == (400, "invalid_request")


@pytest.mark.parametrize("column", ["locked_at", "deactivated_at"])
def test_the_token_of_an_account_that_ended_is_inactive(
    delegated_installation: Installation, operator: Operator, column: str
) -> None:
    visit = new_visit(delegated_installation)
    token = visit.tokens()["access_token"]
    operator.set_state(visit.person.name, column, LONG_AGO)
    assert visit.provider.introspect(token, CALLER) == INACTIVE


def test_a_token_that_expired_is_inactive(visit: Visit, operator: Operator) -> None:
    token = visit.tokens()["access_token"]
    operator.change("accounts_token", f"expires_at = '{LONG_AGO}'", token)
    assert visit.provider.introspect(token, CALLER) == INACTIVE


def test_introspection_is_a_use_of_the_token(visit: Visit) -> None:
    """Behind a homeserver nobody else sees a token: the refresh token before is spent by it (section 5)."""
    opened = visit.tokens()
    fresh = visit.provider.refresh(visit.client, opened["refresh_token"]).json
    assert visit.provider.introspect(fresh["access_token"], CALLER)["active"] is True
    assert visit.provider.refresh(visit.client, opened["refresh_token"]).outcome == (400, "invalid_grant")


# --- Revocation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [..., "another", "unknown"])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_whoever_holds_a_token_may_end_its_session(visit: Visit, named: Any, kind: str) -> None:
    opened = visit.tokens()
    fields = {"token": opened[kind], "token_type_hint": "nonsense"}
    if named == "another":
        fields["client_id"] = visit.provider.client().client_id
    elif named == "unknown":
        fields["client_id"] = "unknown"
    answer = visit.provider.post("revoke", fields)
    if named == "unknown":
        assert answer.outcome in {(200, ""), (401, "invalid_client")}
        return
    assert (answer.status, answer.body) == (200, b"")
    assert visit.provider.who_am_i(opened["access_token"]) == 401
    assert visit.provider.refresh(visit.client, opened["refresh_token"]).outcome == (400, "invalid_grant")
    assert visit.provider.introspect(opened["access_token"], CALLER) == INACTIVE


@pytest.mark.parametrize("token", ["never seen", "mat_x", "é😀", "x" * 5000, "mat_YQ_" + "0" * 43 + "_000000"])
def test_an_unknown_token_is_revoked_already(visit: Visit, token: str) -> None:
    for _ in range(2):
        answer = visit.provider.post("revoke", {"token": token, "client_id": visit.client.client_id})
        assert (answer.status, answer.body) == (200, b"")


def test_a_token_of_the_matrix_login_may_be_revoked_here(visit: Visit) -> None:
    session = log_in(visit.provider.port, visit.person.name)
    assert visit.provider.post("revoke", {"token": session["access_token"]}).status == 200
    assert visit.provider.who_am_i(session["access_token"]) == 401


def test_revocation_needs_a_token_and_the_right_secret(visit: Visit, confidential: Visit) -> None:
    provider, client = visit.provider, confidential.client
    assert provider.post("revoke", {"client_id": visit.client.client_id}).outcome == (400, "invalid_request")
    token = confidential.tokens()["access_token"]
    wrong = provider.post("revoke", {"token": token}, basic(client.client_id, "wrong"))
    assert wrong.outcome == (401, "invalid_client")
    fields = {"token": token, "client_id": client.client_id, "client_secret": "wrong"}
    assert provider.post("revoke", fields).outcome == (401, "invalid_client")
    assert provider.who_am_i(token) == 200


# --- userinfo and keys --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_needs_a_token_with_openid(visit: Visit, method: str) -> None:
    def told(token: str | None) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return visit.provider.ask(method, "userinfo", headers=headers)

    opened = visit.tokens()
    for token in (None, "", "never seen", opened["refresh_token"], "\xe9"):
        answer = told(token)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    without = told(opened["access_token"])
    assert without.status in {401, 403}
    assert without.headers["WWW-Authenticate"].startswith("Bearer")
    attempt, code = visit.code(scope="openid")
    answer = told(visit.provider.token(attempt.redemption(code)).json["access_token"])
    assert answer.status == 200
    assert set(answer.json) == {"sub", "username"}
    assert answer.json["username"] == visit.person.name


def test_the_keys_hold_nothing_private(provider: Provider) -> None:
    answer = provider.ask("GET", "keys.json")
    assert answer.status == 200
    assert answer.json["keys"]
    for key in answer.json["keys"]:
        assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
        assert {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}.isdisjoint(key)


METADATA_PATHS = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/_matrix/client/v1/auth_metadata",
    "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
]


@pytest.mark.parametrize("path", METADATA_PATHS)
def test_the_metadata_is_open_and_may_be_kept_ten_minutes(provider: Provider, path: str) -> None:
    answer = ask(provider.port, "GET", path)
    assert (answer.status, answer.json["issuer"]) == (200, ISSUER)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "max-age=600" in answer.headers["Cache-Control"]
    assert ask(provider.port, "POST", path, body=b"{}").status == 405


def test_the_oldest_clients_ask_for_the_issuer_alone(provider: Provider) -> None:
    answer = ask(provider.port, "GET", "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer")
    assert (answer.status, answer.json) == (200, {"issuer": ISSUER})
