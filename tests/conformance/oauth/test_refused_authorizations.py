"""Each refusal of an authorization request (matrix-oauth.md §3, §4; R21, R22): a page, or a redirect that says why."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conformance.oauth.browser import Browser
from tests.conformance.oauth.person import Person, went
from tests.conformance.oauth.provider import API, DEVICE, Attempt, Client, Provider
from tests.conformance.oauth.wire import FORM, ISSUER, PUBLIC_URL, Answer, parameters
from tests.live import Installation

DEVICE_WORD, UNSTABLE = "urn:matrix:client:device:", "urn:matrix:org.matrix.msc2967.client:"
ID = "ABCDEFGHIJKL"

NO_REDIRECT: dict[str, dict[str, Any]] = {
    "no program": {"client_id": ...},
    "program empty": {"client_id": ""},
    "an unknown program": {"client_id": "unknown"},
    "a program with a NUL": {"client_id": "a\0b"},
    "a program beyond ASCII": {"client_id": "prögram"},
    "no redirect": {"redirect_uri": ...},
    "redirect empty": {"redirect_uri": ""},
}
# What is added to, or put in place of, the registered https://appN.example.com/callback.
TRICKS = {
    "elsewhere": "https://evil.example.org/callback",
    "a slash more": "{base}/callback/",
    "a path more": "{base}/callback/more",
    "a path back": "{base}/callback/../evil",
    "an encoded path back": "{base}/callback%2f..%2fevil",
    "a path less": "{base}/",
    "another case of the path": "{base}/Callback",
    "another case of the host": "{upper}/callback",
    "another case of the scheme": "HTTPS{rest}/callback",
    "a dot after the host": "{base}./callback",
    "a port": "{base}:8443/callback",
    "the usual port": "{base}:443/callback",
    "a query": "{base}/callback?x=y",
    "an empty query": "{base}/callback?",
    "a fragment": "{base}/callback#x",
    "an empty fragment": "{base}/callback#",
    "user info": "https://user@{host}/callback",
    "the host as user": "{base}@evil.example.org/callback",
    "the host as user, with a port": "{base}:443@evil.example.org/callback",
    "a backslash": "{base}\\@evil.example.org/callback",
    "a name that goes on": "{base}.evil.org/callback",
    "a host below": "https://x.{host}/callback",
    "http": "http{rest}/callback",
    "no scheme": "//{host}/callback",
    "an encoded slash": "{base}%2fcallback",
    "an encoded letter": "{base}/%63allback",
    "a blank before": " {base}/callback",
    "a blank after": "{base}/callback ",
    "a tab inside": "{base}/call\tback",
    "a line end": "{base}/callback\r\nSet-Cookie: x=y",
    "a full-width letter": "{base}/ｃallback",
    "script": "javascript:alert(1)",
    "data": "data:text/html,x",
    "loopback": "http://localhost:8000/callback",
}
LOOPBACK_TRICKS = {
    "another host of loopback": "http://127.0.0.1:8000/cb",
    "https": "https://localhost:8000/cb",
    "another path": "http://localhost:8000/other",
    "a host as its port": "http://localhost:8000@evil.example.org/cb",
    "user info": "http://user@localhost:8000/cb",
    "a host that goes on": "http://localhost.evil.example.org:8000/cb",
    "no number": "http://localhost:evil/cb",
    "two ports": "http://localhost:80:80/cb",
    "a port out of range": "http://localhost:99999/cb",
    "a tab in the port": "http://localhost:80\t80/cb",
    "a line end in the port": "http://localhost:80\r\n80/cb",
    "a blank before": " http://localhost:8000/cb",
    "capitals": "http://LOCALHOST:8000/cb",
    "a full-width digit": "http://localhost:８000/cb",
    "a query": "http://localhost:8000/cb?x=y",
}
SCOPES = {
    "none": ...,
    "empty": "",
    "blank": "  ",
    "unknown": f"{API} profile",
    "a device without the API": f"{DEVICE_WORD}{ID}",
    "two devices": f"{API} {DEVICE_WORD}{ID} {DEVICE_WORD}{ID}2",
    "the API stable, the device unstable": f"{API} {UNSTABLE}device:{ID}",
    "the API unstable, the device stable": f"{UNSTABLE}api:* {DEVICE_WORD}{ID}",
    "both spellings of the API": f"{API} {UNSTABLE}api:*",
    "a device id too short": f"{API} {DEVICE_WORD}ABCDEFGHI",
    "a device id empty": f"{API} {DEVICE_WORD}",
    "a device id too long": f"{API} {DEVICE_WORD}{'A' * 513}",
    "a device id with other characters": f"{API} {DEVICE_WORD}ABCDEFGH^JKL",
    "a device id beyond ASCII": f"{API} {DEVICE_WORD}ABCDEFGHÄJKL",
    "a quotation mark": f'{API} "',
    "other space": f"{API}\t{DEVICE_WORD}{ID}",
    "a word for nearly the API": "urn:matrix:client:api:",
}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no PKCE": ({"code_challenge": ..., "code_challenge_method": ...}, "invalid_request"),
    "no challenge": ({"code_challenge": ...}, "invalid_request"),
    "no method, which means plain": ({"code_challenge_method": ...}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "s256": ({"code_challenge_method": "s256"}, "invalid_request"),
    "S512": ({"code_challenge_method": "S512"}, "invalid_request"),
    "a challenge too short": ({"code_challenge": "A" * 42}, "invalid_request"),
    "a challenge too long": ({"code_challenge": "A" * 44}, "invalid_request"),
    "a challenge with padding": ({"code_challenge": "A" * 42 + "="}, "invalid_request"),
    "no response type": ({"response_type": ...}, "invalid_request"),
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "an ID token": ({"response_type": "id_token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "another case": ({"response_type": "Code"}, "unsupported_response_type"),
    "an unknown mode": ({"response_mode": "web_message"}, "invalid_request"),
    "an unknown prompt": ({"prompt": "please"}, "invalid_request"),
    "none and login": ({"prompt": "none login"}, "invalid_request"),
    "no age": ({"max_age": "old"}, "invalid_request"),
    "an age below zero": ({"max_age": "-1"}, "invalid_request"),
    "a request object": ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    "a request by reference": ({"request_uri": "https://evil.example.org/"}, "request_uri_not_supported"),
    **{f"scope {what}": ({"scope": scope}, "invalid_scope") for what, scope in SCOPES.items()},
}
REPEATED = ["response_type", "scope", "code_challenge", "code_challenge_method", "response_mode", "nonce", "prompt"]


@pytest.fixture(scope="module")
def browser(installation: Installation) -> Browser:
    return Browser(installation.server.port)


@pytest.fixture(scope="module")
def client(installation: Installation) -> Client:
    return Provider(installation.server.port).client()


@pytest.fixture(scope="module")
def native(installation: Installation) -> Client:
    return Provider(installation.server.port).client(
        application_type="native", redirect_uris=["http://localhost/cb", "http://[::1]/cb"]
    )


def is_a_page(answer: Answer) -> None:
    """A page for a person with status 400, which leads nowhere."""
    assert answer.status == 400, (answer.status, answer.headers.items())
    assert answer.headers.get_content_type() == "text/html"
    assert "Location" not in answer.headers
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Access-Control-Allow-Origin"] is None


def says(answer: Answer, attempt: Attempt, error: str, *, redirect_uri: str = "") -> dict[str, str]:
    """A redirect with the error, its description, the state unchanged, and who says so."""
    assert answer.status in {302, 303}, (answer.status, answer.body[:500])
    assert answer.location.startswith(f"{redirect_uri or attempt.client.redirect_uri}?"), answer.location
    assert answer.headers["Access-Control-Allow-Origin"] is None
    told = parameters(answer.location)
    assert (told["error"], told.get("state"), told["iss"]) == (error, attempt.state, ISSUER)
    assert told["error_description"]
    assert "code" not in told
    return told


@pytest.mark.parametrize("changes", NO_REDIRECT.values(), ids=NO_REDIRECT)
def test_nobody_is_sent_anywhere_without_program_and_redirect(
    browser: Browser, client: Client, changes: dict[str, Any]
) -> None:
    is_a_page(browser.request("GET", Attempt(client).url(**changes)))


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_nobody_is_sent_to_what_is_nearly_the_registered_uri(browser: Browser, client: Client, trick: str) -> None:
    host = client.base.removeprefix("https://")
    parts = {"base": client.base, "host": host, "upper": f"https://{host.upper()}", "rest": f"://{host}"}
    uri = trick.format_map(parts)
    for changes in ({}, {"response_mode": "fragment"}, {"response_type": "token"}, {"prompt": "none"}):
        is_a_page(browser.request("GET", Attempt(client).url(redirect_uri=uri, **changes)))


@pytest.mark.parametrize("uri", LOOPBACK_TRICKS.values(), ids=LOOPBACK_TRICKS)
def test_only_the_port_of_loopback_is_free(browser: Browser, native: Client, uri: str) -> None:
    is_a_page(browser.request("GET", Attempt(native).url(redirect_uri=uri)))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_nobody_is_sent_anywhere_when_that_is_said_twice(browser: Browser, client: Client, name: str) -> None:
    fields = Attempt(client).parameters()
    for second in (fields[name], "https://evil.example.org/"):
        pairs = [*fields.items(), (name, second)]
        is_a_page(browser.request("GET", f"{PUBLIC_URL}/authorize?{urlencode(pairs)}"))


@pytest.mark.parametrize(("changes", "error"), FAULTS.values(), ids=FAULTS)
def test_the_program_is_told_what_is_wrong(
    browser: Browser, client: Client, changes: dict[str, Any], error: str
) -> None:
    attempt = Attempt(client)
    says(browser.request("GET", attempt.url(**changes)), attempt, error)


@pytest.mark.parametrize("name", REPEATED)
def test_a_parameter_said_twice_is_an_invalid_request(browser: Browser, client: Client, name: str) -> None:
    attempt = Attempt(client)
    fields = attempt.parameters(response_mode="query", nonce="n", prompt="login")
    pairs = [*fields.items(), (name, fields[name])]
    says(browser.request("GET", f"{PUBLIC_URL}/authorize?{urlencode(pairs)}"), attempt, "invalid_request")


def test_a_state_said_twice_is_none(browser: Browser, client: Client) -> None:
    attempt = Attempt(client)
    pairs = [*attempt.parameters().items(), ("state", "other")]
    answer = browser.request("GET", f"{PUBLIC_URL}/authorize?{urlencode(pairs)}")
    told = parameters(answer.location)
    assert (told["error"], "state" in told) == ("invalid_request", False)


@pytest.mark.parametrize("state", ["ü€😀", "a b&c=d#e", "%00%0d%0a", "<script>", "'\"", "x" * 2000])
def test_the_state_comes_back_unchanged(browser: Browser, client: Client, state: str) -> None:
    attempt = Attempt(client, state=state)
    says(browser.request("GET", attempt.url(response_type="token")), attempt, "unsupported_response_type")


def test_a_request_may_be_posted(browser: Browser, client: Client) -> None:
    attempt = Attempt(client)
    body = urlencode(attempt.parameters(response_type="token")).encode()
    headers = {"Content-Type": FORM, "Origin": client.base}
    answer = browser.request("POST", f"{PUBLIC_URL}/authorize", body, headers)
    says(answer, attempt, "unsupported_response_type")


def test_a_program_that_did_not_register_the_grant_is_told(browser: Browser, provider: Provider) -> None:
    attempt = Attempt(provider.client(grant_types=[DEVICE], response_types=[]))
    says(browser.request("GET", attempt.url()), attempt, "unauthorized_client")


def test_an_error_goes_by_the_mode_that_was_asked_for(browser: Browser, client: Client) -> None:
    attempt = Attempt(client)
    answer = browser.request("GET", attempt.url(response_mode="fragment", scope="x"))
    assert answer.location.startswith(f"{client.redirect_uri}#")
    assert parameters(answer.location)["error"] == "invalid_scope"
    told = went(browser.open(attempt.url(response_mode="form_post", scope="x")))
    assert told.uri == client.redirect_uri
    assert (told.parameters["error"], told.parameters["state"]) == ("invalid_scope", attempt.state)


def test_the_query_of_a_registered_uri_stays(browser: Browser, provider: Provider) -> None:
    base = "https://query.example.com"
    client = provider.client(client_uri=base, redirect_uris=[f"{base}/callback?to=me"])
    attempt = Attempt(client)
    answer = browser.request("GET", attempt.url(redirect_uri=f"{base}/callback?to=me", scope="x"))
    assert answer.location.startswith(f"{base}/callback?to=me&")
    assert parameters(answer.location)["to"] == "me"


def test_prompt_none_shows_nobody_anything(person: Person, client: Client) -> None:
    attempt = Attempt(client)
    says(person.browser.open(attempt.url(prompt="none")).answer, attempt, "login_required")
    person.signed_in()
    says(person.browser.open(attempt.url(prompt="none")).answer, attempt, "consent_required")


def test_the_person_declines(person: Person, client: Client) -> None:
    attempt = Attempt(client)
    page = person.decide(person.asked(attempt.url()), "deny")
    says(page.answer, attempt, "access_denied")


@pytest.mark.parametrize("scope", ["urn:synapse:admin:*", "urn:idp:admin"])
def test_what_only_administrators_may_grant_is_denied(person: Person, client: Client, scope: str) -> None:
    attempt = Attempt(client)
    page = person.asked(attempt.url(scope=f"{API} {scope}"))
    if page.answer.status == 200:
        page = person.decide(page, "allow")
    says(page.answer, attempt, "access_denied")


def test_a_good_request_leads_to_the_form_and_back(person: Person, client: Client) -> None:
    attempt = Attempt(client)
    told = person.authorize(attempt.url()).parameters
    assert set(told) == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == (attempt.state, ISSUER)
    assert told["code"].startswith("idp_ac_")
