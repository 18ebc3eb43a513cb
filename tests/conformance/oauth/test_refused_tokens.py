"""Each refusal of the token endpoint but the device grant's (matrix-oauth.md §4, §5, §9; R21–R24), in raw HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conformance.oauth.person import LONG_AGO, Operator, Person
from tests.conformance.oauth.provider import API, CODE, DEVICE, REFRESH, Attempt, Client, Provider, basic
from tests.conformance.oauth.wire import Answer
from tests.live import Installation

Table = dict[str, tuple[dict[str, Any], int, str]]


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is signed in and allows one program after the other."""

    provider: Provider
    person: Person
    client: Client

    def code(self, **changes: Any) -> tuple[Attempt, str]:
        """An attempt with its code."""
        attempt = Attempt(self.client)
        return attempt, self.person.authorize(attempt.url(**changes)).parameters["code"]

    def tokens(self) -> dict[str, Any]:
        attempt, code = self.code()
        secret = {"client_secret": self.client.secret} if self.client.secret else {}
        answer = self.provider.token(attempt.redemption(code, **secret))
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def refresh(self, **changes: Any) -> Answer:
        """A fresh refresh token, used with something changed."""
        fields = {
            "grant_type": REFRESH,
            "refresh_token": self.tokens()["refresh_token"],
            "client_id": self.client.client_id,
        } | changes
        return self.provider.token({name: value for name, value in fields.items() if value is not ...})


def new_visit(installation: Installation, **metadata: Any) -> Visit:
    provider = Provider(installation.server.port)
    return Visit(provider, Person(installation).signed_in(), provider.client(**metadata))


@pytest.fixture(scope="module")
def visit(installation: Installation) -> Visit:
    """A public program."""
    return new_visit(installation)


@pytest.fixture(scope="module")
def confidential(installation: Installation) -> Visit:
    """A program with a secret."""
    return new_visit(installation, token_endpoint_auth_method="client_secret_basic")


CODES: Table = {
    "no grant type": ({"grant_type": ...}, 400, "invalid_request"),
    "grant type empty": ({"grant_type": ""}, 400, "invalid_request"),
    "no code": ({"code": ...}, 400, "invalid_request"),
    "no redirect": ({"redirect_uri": ...}, 400, "invalid_request"),
    "no program": ({"client_id": ...}, 400, "invalid_request"),
    "no verifier": ({"code_verifier": ...}, 400, "invalid_request"),
    "verifier empty": ({"code_verifier": ""}, 400, "invalid_request"),
    "an unknown program": ({"client_id": "unknown"}, 401, "invalid_client"),
    "a program beyond ASCII": ({"client_id": "prögram😀"}, 401, "invalid_client"),
    "an unknown code": ({"code": "idp_ac_unknown"}, 400, "invalid_grant"),
    "a code beyond ASCII": ({"code": "é" * 50}, 400, "invalid_grant"),
    "a long code": ({"code": "x" * 5000}, 400, "invalid_grant"),
    "another redirect": ({"redirect_uri": "https://example.org/callback"}, 400, "invalid_grant"),
    "nearly the redirect": ({"redirect_uri": "{redirect_uri}/"}, 400, "invalid_grant"),
    "another verifier": ({"code_verifier": "A" * 43}, 400, "invalid_grant"),
    "the challenge as verifier": ({"code_verifier": "{challenge}"}, 400, "invalid_grant"),
    "a short verifier": ({"code_verifier": "A" * 42}, 400, "invalid_grant"),
    "a long verifier": ({"code_verifier": "A" * 129}, 400, "invalid_grant"),
    "a verifier beyond ASCII": ({"code_verifier": "ü" * 43}, 400, "invalid_grant"),
    "an unknown grant type": ({"grant_type": "urn:example:grant"}, 400, "unsupported_grant_type"),
    "a password": ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
    "a program's own": ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
    "an implicit one": ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
    "an assertion": ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, 400, "unsupported_grant_type"),
    "another case": ({"grant_type": "Authorization_Code"}, 400, "unsupported_grant_type"),
}
# A few rows leave more than one thing to say about what is no verifier at all.
_EITHER = {"invalid_grant", "invalid_request"}


@pytest.mark.parametrize(("changes", "status", "error"), CODES.values(), ids=CODES)
def test_a_wrong_redemption_is_refused(visit: Visit, changes: dict[str, Any], status: int, error: str) -> None:
    attempt, code = visit.code()
    facts = {"redirect_uri": visit.client.redirect_uri, "challenge": attempt.parameters()["code_challenge"]}
    changes = {name: value.format_map(facts) if isinstance(value, str) else value for name, value in changes.items()}
    answer = visit.provider.token(attempt.redemption(code, **changes))
    is_verifier = (
        isinstance(changes.get("code_verifier"), str) and changes["code_verifier"] and error == "invalid_grant"
    )
    assert answer.status == status
    assert answer.error in (_EITHER if is_verifier else {error})


@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "client_id", "code_verifier"])
def test_a_parameter_said_twice_is_an_invalid_request(visit: Visit, name: str) -> None:
    attempt, code = visit.code()
    fields = attempt.redemption(code)
    answer = visit.provider.token([*fields.items(), (name, fields[name])])
    assert answer.outcome == (400, "invalid_request")
    assert visit.provider.token(fields).status == 200, "what was malformed used nothing up"


def test_a_code_is_good_once_and_a_quick_repeat_ends_nothing(visit: Visit) -> None:
    attempt, code = visit.code()
    opened = visit.provider.token(attempt.redemption(code)).json
    assert visit.provider.token(attempt.redemption(code)).outcome == (400, "invalid_grant")
    assert visit.provider.who_am_i(opened["access_token"]) == 200


def test_a_code_that_comes_back_later_ends_its_session(visit: Visit, operator: Operator) -> None:
    attempt, code = visit.code()
    opened = visit.provider.token(attempt.redemption(code)).json
    operator.change("accounts_challenge", f"used_at = '{LONG_AGO}'", code)
    assert visit.provider.token(attempt.redemption(code)).outcome == (400, "invalid_grant")
    assert visit.provider.who_am_i(opened["access_token"]) == 401
    assert visit.provider.refresh(visit.client, opened["refresh_token"]).outcome == (400, "invalid_grant")


def test_a_code_expires(visit: Visit, operator: Operator) -> None:
    attempt, code = visit.code()
    operator.expire(code)
    assert visit.provider.token(attempt.redemption(code)).outcome == (400, "invalid_grant")


def test_a_code_of_another_program_is_refused_and_stays_good(visit: Visit, confidential: Visit) -> None:
    attempt, code = visit.code()
    other = confidential.client
    changes = {"client_id": other.client_id, "client_secret": other.secret}
    stolen = visit.provider.token(attempt.redemption(code, **changes))
    assert stolen.outcome == (400, "invalid_grant")
    stolen = visit.provider.token(attempt.redemption(code, **changes, redirect_uri=other.redirect_uri))
    assert stolen.outcome == (400, "invalid_grant")
    assert visit.provider.token(attempt.redemption(code)).status == 200


@pytest.mark.parametrize("column", ["locked_at", "deactivated_at"])
def test_an_account_that_ended_meanwhile_gets_nothing(
    installation: Installation, operator: Operator, column: str
) -> None:
    visit = new_visit(installation)
    attempt, code = visit.code()
    opened = visit.tokens()
    operator.set_state(visit.person.name, column, LONG_AGO)
    assert visit.provider.token(attempt.redemption(code)).outcome == (400, "invalid_grant")
    assert visit.provider.refresh(visit.client, opened["refresh_token"]).outcome == (400, "invalid_grant")


def test_an_account_that_the_lists_refuse_meanwhile_gets_nothing(installation: Installation) -> None:
    visit = new_visit(installation)
    attempt, code = visit.code()
    opened = visit.tokens()
    installation.manage("rules", "add", "deny", "username", visit.person.name, "--flow", "devicelogin")
    assert visit.provider.token(attempt.redemption(code)).outcome == (400, "invalid_grant")
    assert visit.provider.refresh(visit.client, opened["refresh_token"]).outcome == (400, "invalid_grant")
    assert visit.provider.who_am_i(opened["access_token"]) == 401


SECRETS: dict[str, Callable[[Client], tuple[dict[str, Any], dict[str, str]]]] = {
    "none": lambda client: ({}, {}),
    "empty": lambda client: ({"client_secret": ""}, {}),
    "wrong": lambda client: ({"client_secret": "wrong"}, {}),
    "wrong, beyond ASCII": lambda client: ({"client_secret": "wröng😀"}, {}),
    "of another case": lambda client: ({"client_secret": client.secret.swapcase()}, {}),
    "wrong in the header": lambda client: ({"client_id": ...}, basic(client.client_id, "wrong")),
    "empty in the header": lambda client: ({"client_id": ...}, basic(client.client_id, "")),
    "of an unknown program in the header": lambda client: ({"client_id": ...}, basic("unknown", client.secret)),
    "no Base64": lambda client: ({"client_id": ...}, {"Authorization": "Basic ==="}),
    "no colon": lambda client: ({"client_id": ...}, {"Authorization": "Basic bm9uZQ=="}),
    "no UTF-8": lambda client: ({"client_id": ...}, {"Authorization": "Basic //79Ov8="}),
    "another scheme": lambda client: ({"client_id": ...}, {"Authorization": f"Digest {client.secret}"}),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_wrong_secret_is_refused_and_leaves_the_code_good(
    confidential: Visit, secret: Callable[[Client], Any]
) -> None:
    attempt, code = confidential.code()
    changes, headers = secret(confidential.client)
    answer = confidential.provider.token(attempt.redemption(code, **changes), headers)
    if headers and not headers["Authorization"].startswith("Digest"):
        assert answer.outcome == (401, "invalid_client")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    elif not headers:
        assert answer.outcome == (401, "invalid_client")
    else:
        assert answer.outcome in {(401, "invalid_client"), (400, "invalid_request")}
    right = basic(confidential.client.client_id, confidential.client.secret)
    assert confidential.provider.token(attempt.redemption(code, client_id=...), right).status == 200


def test_two_ways_of_saying_who_asks_must_agree(confidential: Visit, visit: Visit) -> None:
    attempt, code = confidential.code()
    right = basic(confidential.client.client_id, confidential.client.secret)
    answer = confidential.provider.token(attempt.redemption(code, client_id=visit.client.client_id), right)
    assert answer.status in {400, 401}
    assert answer.error in {"invalid_request", "invalid_client"}


def test_a_public_program_cannot_pass_with_a_secret(visit: Visit) -> None:
    attempt, code = visit.code()
    answer = visit.provider.token(attempt.redemption(code, client_id=...), basic(visit.client.client_id, "any"))
    assert answer.outcome == (401, "invalid_client")


REFRESHES: Table = {
    "no token": ({"refresh_token": ...}, 400, "invalid_request"),
    "token empty": ({"refresh_token": ""}, 400, "invalid_request"),
    "no program": ({"client_id": ...}, 400, "invalid_request"),
    "an unknown program": ({"client_id": "unknown"}, 401, "invalid_client"),
    "an unknown token": ({"refresh_token": "mar_unknown"}, 400, "invalid_grant"),
    "a token beyond ASCII": ({"refresh_token": "é" * 60}, 400, "invalid_grant"),
    "a wider scope": ({"scope": f"{API} urn:synapse:admin:*"}, 400, "invalid_scope"),
    "the scope of another device": ({"scope": f"{API} urn:matrix:client:device:ABCDEFGHIJKL"}, 400, "invalid_scope"),
    "an added word": ({"scope": "openid"}, 400, "invalid_scope"),
}


@pytest.mark.parametrize(("changes", "status", "error"), REFRESHES.values(), ids=REFRESHES)
def test_a_wrong_refresh_is_refused(visit: Visit, changes: dict[str, Any], status: int, error: str) -> None:
    assert visit.refresh(**changes).outcome == (status, error)


def test_a_refresh_token_is_good_for_its_program_only(visit: Visit, confidential: Visit) -> None:
    opened, other = visit.tokens(), confidential.client
    stolen = visit.provider.refresh(other, opened["refresh_token"], client_secret=other.secret)
    assert stolen.outcome == (400, "invalid_grant")
    assert visit.provider.refresh(visit.client, opened["refresh_token"]).status == 200


def test_one_kind_of_secret_never_passes_as_another(visit: Visit) -> None:
    attempt, code = visit.code()
    opened, client = visit.tokens(), visit.client
    for secret in (opened["access_token"], code):
        assert visit.provider.refresh(client, secret).outcome == (400, "invalid_grant")
    for secret in (opened["access_token"], opened["refresh_token"]):
        assert visit.provider.token(attempt.redemption(secret)).outcome == (400, "invalid_grant")
        assert visit.provider.poll(client, secret).outcome == (400, "invalid_grant")
    assert visit.provider.poll(client, code).outcome == (400, "invalid_grant")
    assert visit.provider.who_am_i(opened["refresh_token"]) == 401
    assert visit.provider.who_am_i(code) == 401


def test_a_grant_that_was_not_registered_is_refused(installation: Installation) -> None:
    visit = new_visit(installation, grant_types=[CODE])
    opened = visit.tokens()
    assert "refresh_token" not in opened
    provider, client = visit.provider, visit.client
    assert provider.refresh(client, "mar_unknown").outcome == (400, "unauthorized_client")
    assert provider.poll(client, "idp_dc_unknown").outcome == (400, "unauthorized_client")
    device = provider.client(grant_types=[DEVICE], redirect_uris=..., response_types=[])
    attempt = Attempt(device)
    assert provider.token(attempt.redemption("idp_ac_unknown")).outcome == (400, "unauthorized_client")


def test_the_answer_is_kept_by_nobody(visit: Visit) -> None:
    attempt, code = visit.code()
    answer = visit.provider.token(attempt.redemption(code))
    assert (answer.status, answer.json["token_type"], answer.json["expires_in"]) == (200, "Bearer", 300)
    assert answer.json["scope"] == attempt.parameters()["scope"]
    assert answer.headers["Cache-Control"] == "no-store"
