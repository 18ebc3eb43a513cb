"""Each refusal of the device grant (qr-login.md §7.3, §7.4, §7.6; R20), in raw HTTP."""

from typing import Any

import pytest

from tests.conformance.oauth.person import LONG_AGO, Operator, Person, link_of
from tests.conformance.oauth.provider import API, CODE, DEVICE, Client, Provider, basic, new_device, scope_of
from tests.conformance.oauth.test_refused_authorizations import SCOPES
from tests.conformance.oauth.wire import FORM, PUBLIC_URL, encoded
from tests.live import Installation

ONLY_DEVICE: dict[str, Any] = {"grant_types": [DEVICE, "refresh_token"], "redirect_uris": ..., "response_types": []}


@pytest.fixture(scope="module")
def client(installation: Installation) -> Client:
    return Provider(installation.server.port).client(**ONLY_DEVICE)


@pytest.fixture(scope="module")
def confidential(installation: Installation) -> Client:
    provider = Provider(installation.server.port)
    return provider.client(token_endpoint_auth_method="client_secret_basic", **ONLY_DEVICE)


def test_a_device_gets_its_codes(provider: Provider, client: Client) -> None:
    found = provider.device(client)
    assert (found["expires_in"], found["interval"]) == (1200, 1)
    assert found["verification_uri"] == f"{PUBLIC_URL}/link"
    assert found["verification_uri_complete"] == link_of(found["user_code"])
    assert found["device_code"].startswith("idp_dc_")


def test_the_aliases_of_the_seed(provider: Provider, client: Client) -> None:
    fields = {"client_id": client.client_id, "scope": scope_of(new_device())}
    answer = provider.post("/auth/device", fields)
    assert answer.status == 200
    polling = {"grant_type": DEVICE, "device_code": answer.json["device_code"], "client_id": client.client_id}
    assert provider.post("/token", polling).outcome == (400, "authorization_pending")
    other = provider.post("/token", {**polling, "grant_type": "refresh_token", "refresh_token": "x"})
    assert other.outcome == (400, "unsupported_grant_type")


REQUESTS: dict[str, tuple[list[tuple[str, str]], int, str]] = {
    "no program": ([("scope", API)], 400, "invalid_request"),
    "an unknown program": ([("client_id", "unknown"), ("scope", API)], 401, "invalid_client"),
    "a program beyond ASCII": ([("client_id", "é😀"), ("scope", API)], 401, "invalid_client"),
    "the program twice": ([("client_id", "{id}"), ("client_id", "{id}"), ("scope", API)], 400, "invalid_request"),
    "the scope twice": ([("client_id", "{id}"), ("scope", API), ("scope", API)], 400, "invalid_request"),
}


@pytest.mark.parametrize(("fields", "status", "error"), REQUESTS.values(), ids=REQUESTS)
def test_a_wrong_request_is_refused(
    provider: Provider, client: Client, fields: list[tuple[str, str]], status: int, error: str
) -> None:
    sent = [(name, client.client_id if value == "{id}" else value) for name, value in fields]
    assert provider.post("device", sent).outcome == (status, error)


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_wrong_scope_is_refused(provider: Provider, client: Client, scope: Any) -> None:
    fields = {"client_id": client.client_id} | ({"scope": scope} if scope is not ... else {})
    assert provider.post("device", fields).outcome == (400, "invalid_scope")


def test_a_program_that_did_not_register_the_grant_is_refused(provider: Provider) -> None:
    fields = {"client_id": provider.client(grant_types=[CODE]).client_id, "scope": API}
    assert provider.post("device", fields).outcome == (400, "unauthorized_client")


def test_a_program_with_a_secret_needs_it(provider: Provider, confidential: Client) -> None:
    fields = {"client_id": confidential.client_id, "scope": scope_of(new_device())}
    assert provider.post("device", fields).outcome == (401, "invalid_client")
    assert provider.post("device", {**fields, "client_secret": "wrong"}).outcome == (401, "invalid_client")
    wrong = provider.post("device", {"scope": API}, basic(confidential.client_id, "wrong"))
    assert wrong.outcome == (401, "invalid_client")
    assert wrong.headers["WWW-Authenticate"].startswith("Basic")
    caller = basic(confidential.client_id, confidential.secret)
    begun = provider.post("device", {"scope": fields["scope"]}, caller)
    assert begun.status == 200
    polling = {"grant_type": DEVICE, "device_code": begun.json["device_code"]}
    named = {**polling, "client_id": confidential.client_id}
    assert provider.token(named).outcome == (401, "invalid_client")
    assert provider.token(polling, caller).outcome == (400, "authorization_pending")


POLLS: dict[str, tuple[dict[str, str], int, str]] = {
    "no code": ({"device_code": ""}, 400, "invalid_request"),
    "a guessed code": ({"device_code": "idp_dc_guessed"}, 400, "invalid_grant"),
    "a code beyond ASCII": ({"device_code": "é😀"}, 400, "invalid_grant"),
    "a long code": ({"device_code": "x" * 5000}, 400, "invalid_grant"),
    "no program": ({"client_id": ""}, 400, "invalid_request"),
    "an unknown program": ({"client_id": "unknown"}, 401, "invalid_client"),
    "no grant type": ({"grant_type": ""}, 400, "invalid_request"),
    "half a grant type": ({"grant_type": "device_code"}, 400, "unsupported_grant_type"),
}


@pytest.mark.parametrize(("changes", "status", "error"), POLLS.values(), ids=POLLS)
def test_a_wrong_poll_is_refused(
    provider: Provider, client: Client, changes: dict[str, str], status: int, error: str
) -> None:
    found = provider.device(client)
    fields = {"grant_type": DEVICE, "device_code": found["device_code"], "client_id": client.client_id} | changes
    sent = {name: value for name, value in fields.items() if value}
    assert provider.token(sent).outcome == (status, error)
    assert provider.poll(client, found["device_code"]).outcome == (400, "authorization_pending")


def test_a_parameter_said_twice_is_an_invalid_request(provider: Provider, client: Client) -> None:
    fields = {"grant_type": DEVICE, "device_code": "x", "client_id": client.client_id}
    for name, value in fields.items():
        assert provider.token([*fields.items(), (name, value)]).outcome == (400, "invalid_request")


def test_a_code_of_another_program_is_refused_and_stays_good(
    provider: Provider, client: Client, person: Person
) -> None:
    found, other = provider.device(client), provider.client(**ONLY_DEVICE)
    assert provider.poll(other, found["device_code"]).outcome == (400, "invalid_grant")
    assert person.link(found["user_code"])
    assert provider.poll(other, found["device_code"]).outcome == (400, "invalid_grant")
    assert provider.poll(client, found["device_code"]).status == 200


def test_polls_that_come_too_soon_are_told(provider: Provider, client: Client) -> None:
    found = provider.device(client)
    outcomes = {provider.poll(client, found["device_code"]).outcome for _ in range(20)}
    assert outcomes == {(400, "authorization_pending"), (400, "slow_down")}


def test_a_denied_grant_says_so_and_gives_nothing(provider: Provider, client: Client, person: Person) -> None:
    found = provider.device(client)
    assert person.link(found["user_code"], decision="deny")
    assert provider.poll(client, found["device_code"]).outcome == (400, "access_denied")
    assert not person.link(found["user_code"]), "a decided code is found no more"


def test_an_expired_grant_says_so_and_can_no_longer_be_decided(
    provider: Provider, client: Client, person: Person, operator: Operator
) -> None:
    found = provider.device(client)
    operator.expire(found["device_code"])
    assert provider.poll(client, found["device_code"]).outcome == (400, "expired_token")
    assert not person.link(found["user_code"])


def test_an_approved_grant_that_expired_gives_nothing(
    provider: Provider, client: Client, person: Person, operator: Operator
) -> None:
    found = provider.device(client)
    assert person.link(found["user_code"])
    operator.expire(found["device_code"])
    assert provider.poll(client, found["device_code"]).outcome == (400, "expired_token")


@pytest.mark.parametrize("column", ["locked_at", "deactivated_at"])
def test_an_account_that_ended_meanwhile_gives_nothing(
    provider: Provider, client: Client, person: Person, operator: Operator, column: str
) -> None:
    found = provider.device(client)
    assert person.link(found["user_code"])
    operator.set_state(person.name, column, LONG_AGO)
    assert provider.poll(client, found["device_code"]).outcome in {(400, "invalid_grant"), (400, "access_denied")}


def test_an_account_that_the_lists_refuse_meanwhile_gives_nothing(
    installation: Installation, provider: Provider, client: Client, person: Person
) -> None:
    found = provider.device(client)
    assert person.link(found["user_code"])
    installation.manage("rules", "add", "deny", "username", person.name, "--flow", "devicelogin")
    assert provider.poll(client, found["device_code"]).outcome in {(400, "invalid_grant"), (400, "access_denied")}


def test_a_device_id_that_the_account_has_is_refused(provider: Provider, client: Client, person: Person) -> None:
    device = new_device()
    first, second = (provider.device(client, scope=scope_of(device)) for _ in range(2))
    assert person.link(first["user_code"])
    opened = provider.poll(client, first["device_code"])
    assert opened.status == 200
    person.decide_device(person.enter(second["user_code"]), "allow")
    assert provider.poll(client, second["device_code"]).outcome == (400, "access_denied")
    assert provider.who_am_i(opened.json["access_token"]) == 200


def test_the_grant_of_a_code_that_was_redeemed_twice_by_a_thief_ends(
    provider: Provider, client: Client, person: Person
) -> None:
    found = provider.device(client)
    assert person.link(found["user_code"])
    opened = provider.poll(client, found["device_code"]).json
    assert provider.who_am_i(opened["access_token"]) == 200
    assert provider.poll(client, found["device_code"]).outcome == (400, "invalid_grant")
    assert provider.who_am_i(opened["access_token"]) == 401


def test_the_page_needs_its_tick_and_its_csrf_token(provider: Provider, client: Client, person: Person) -> None:
    found = provider.device(client)
    page = person.enter(found["user_code"])
    form = next(form for form in page.forms for label in form.buttons if label.startswith("Allow"))
    assert form.required, "the tick is required"
    url, fields = f"{PUBLIC_URL}{form.action or '/link'}", dict(form.fields)
    fields |= dict([next(button for label, button in form.buttons.items() if label.startswith("Allow"))])
    headers = {"Content-Type": FORM, "Origin": PUBLIC_URL, "Referer": page.url}
    assert person.browser.request("POST", url, encoded(fields), headers).status in {200, 400}
    assert provider.poll(client, found["device_code"]).outcome == (400, "authorization_pending")
    ticked = {**fields, **dict.fromkeys(form.required, "on")}
    without = {name: value for name, value in ticked.items() if name != "csrfmiddlewaretoken"}
    assert person.browser.request("POST", url, encoded(without), headers).status == 403
    foreign = {**headers, "Origin": "https://evil.example.org", "Referer": "https://evil.example.org/"}
    assert person.browser.request("POST", url, encoded(ticked), foreign).status == 403
    assert not person.browser.request("POST", url, encoded(ticked), headers).status >= 400


def test_a_link_never_decides(provider: Provider, client: Client, person: Person) -> None:
    found = provider.device(client)
    person.asked(link_of(found["user_code"]))
    page = person.browser.open(found["verification_uri_complete"])
    assert found["user_code"] in page.text
    assert provider.poll(client, found["device_code"]).outcome == (400, "authorization_pending")
