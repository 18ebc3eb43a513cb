"""Each refusal of a registration (matrix-oauth.md §2, §9; R26), in raw HTTP."""

import json
from typing import Any

import pytest

from tests.conformance.oauth.provider import CODE, DEVICE, Provider

BASE = "https://app.example.com"
METADATA, REDIRECT = "invalid_client_metadata", "invalid_redirect_uri"

BODIES = {
    "nothing": b"",
    "no JSON": b"client_uri=https://app.example.com",
    "half of it": b'{"client_uri":"https://app.example.com"',
    "not UTF-8": b'{"client_uri":"\xff\xfe"}',
    "a lone surrogate": b'{"client_uri":"https://app.example.com","client_name":"\\ud800","grant_types":[]}',
    "a NUL": b'{"client_uri":"https://app.example.com","client_name":"\\u0000","grant_types":[]}',
    "no number": b'{"client_uri":NaN}',
    "deep": b'{"a":' * 5000,
    "a long number": b'{"client_uri":' + b"9" * 5000 + b"}",
    "a member twice": b'{"client_uri":"https://a.example.com","client_uri":"https://b.example.com","grant_types":[]}',
}
WRONG_METADATA: dict[str, dict[str, Any]] = {
    "no client_uri": {"client_uri": ..., "redirect_uris": [f"{BASE}/callback"]},
    "client_uri empty": {"client_uri": "", "redirect_uris": [f"{BASE}/callback"]},
    "client_uri a number": {"client_uri": 5, "redirect_uris": [f"{BASE}/callback"]},
    "client_uri http": {"client_uri": "http://app.example.com", "redirect_uris": [f"{BASE}/callback"]},
    "client_uri script": {"client_uri": "javascript:alert(1)", "redirect_uris": [f"{BASE}/callback"]},
    "client_uri with user": {"client_uri": "https://user@app.example.com"},
    "client_uri with password": {"client_uri": "https://user:word@app.example.com"},
    "client_uri without host": {"client_uri": "https:///x"},
    **{
        f"client_uri at {host}": {"client_uri": f"https://{host}"}
        for host in ("localhost", "LOCALHOST", "localhost.", "127.0.0.1", "[::1]", "0.0.0.0")
    },
    **{f"client_uri is {host}": {"client_uri": f"https://{host}"} for host in ("co.uk", "github.io", "com", "CO.UK.")},
    "client_uri with a blank": {"client_uri": "https://app.example.com/a b"},
    "client_uri with a line end": {"client_uri": "https://app.example.com/\n"},
    **{
        f"{name} {what}": {name: uri}
        for name in ("logo_uri", "tos_uri", "policy_uri")
        for what, uri in (
            ("elsewhere", "https://example.org/x"),
            ("above", "https://example.com/x"),
            ("at a like name", "https://evil-app.example.com/x"),
            ("http", "http://app.example.com/x"),
            ("script", "javascript:alert(1)"),
            ("no text", ["https://app.example.com/x"]),
        )
    },
    "a localised logo elsewhere": {"logo_uri#de": "https://example.org/x"},
    "client_name no text": {"client_name": {"en": "x"}},
    "client_name with control characters": {"client_name": "Mess\u0007enger"},
    "client_name too long": {"client_name": "x" * 5000},
    "redirect_uris no list": {"redirect_uris": f"{BASE}/callback"},
    "redirect_uris not of texts": {"redirect_uris": [5]},
    "grant_types no list": {"grant_types": CODE},
    "response_types not of texts": {"response_types": [None]},
    "contacts no list": {"contacts": "me@example.com"},
    "an unknown authentication": {"token_endpoint_auth_method": "private_key_jwt"},
    "authentication no text": {"token_endpoint_auth_method": True},
    "an unknown kind": {"application_type": "desktop"},
}
WRONG_REDIRECTS: dict[str, Any] = {
    "absent": ...,
    "empty": [],
    "21 of them": [f"{BASE}/{number}" for number in range(21)],
    "a good one and a bad one": [f"{BASE}/callback", "https://example.org/callback"],
    "with a fragment": [f"{BASE}/callback#here"],
    "with an empty fragment": [f"{BASE}/callback#"],
    "http": ["http://app.example.com/callback"],
    "with user": ["https://user@app.example.com/callback"],
    "with the good host as user": ["https://app.example.com@example.org/callback"],
    "with a backslash": ["https://app.example.com\\@example.org/callback"],
    "elsewhere": ["https://example.org/callback"],
    "above": ["https://example.com/callback"],
    "at a like name": ["https://evil-app.example.com/callback"],
    "at a name that goes on": ["https://app.example.com.evil.org/callback"],
    "at loopback": ["http://127.0.0.1/callback"],
    "of an own scheme": ["com.example.app:/callback"],
    "script": ["javascript:alert(1)"],
    "data": ["data:text/html,x"],
    "a path": ["/callback"],
    "nothing": [""],
    "with a blank": [f"{BASE}/call back"],
    "with a line end": [f"{BASE}/callback\r\nX: y"],
    "beyond ASCII": ["https://app.exämple.com/callback"],
    "a port out of range": ["https://app.example.com:99999/callback"],
}
WRONG_NATIVE_REDIRECTS = {
    "an own scheme with authority": "com.example.app://callback",
    "a scheme without dots": "messenger:/callback",
    "the scheme of another host": "com.example.other:/callback",
    "a scheme of the host above": "com.example:/callback",
    "a scheme with the name as its beginning": "com.example.application:/callback",
    "loopback with a port": "http://127.0.0.1:8080/callback",
    "localhost with a port": "http://localhost:8080/callback",
    "loopback with user": "http://user@localhost/callback",
    "loopback with a fragment": "http://localhost/callback#x",
    "another address of this machine": "http://127.0.0.2/callback",
    "any address": "http://0.0.0.0/callback",
    "http elsewhere": "http://app.example.com/callback",
    "https at loopback": "https://localhost/callback",
    "https elsewhere": "https://example.org/callback",
    "script": "javascript:alert(1)",
    "a file": "file:///etc/passwd",
    "an intent": "intent:#Intent;end",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_is_no_json_is_an_invalid_request(provider: Provider, body: bytes) -> None:
    answer = provider.ask("POST", "registration", body, {"Content-Type": "application/json"})
    assert answer.outcome == (400, "invalid_request")


@pytest.mark.parametrize("value", [None, [], 5, "text", True])
def test_json_that_is_no_object_is_refused(provider: Provider, value: Any) -> None:
    answer = provider.ask("POST", "registration", json.dumps(value).encode(), {"Content-Type": "application/json"})
    assert answer.status == 400
    assert answer.error in {METADATA, "invalid_request"}


@pytest.mark.parametrize("changes", WRONG_METADATA.values(), ids=WRONG_METADATA)
def test_wrong_metadata_is_refused(provider: Provider, changes: dict[str, Any]) -> None:
    about_redirects = "redirect_uris" in changes and "client_uri" not in changes
    allowed = {REDIRECT, METADATA} if about_redirects else {METADATA}
    answer = provider.register(**{"client_uri": BASE, "redirect_uris": [f"{BASE}/callback"]} | changes)
    assert answer.status == 400
    assert answer.error in allowed


@pytest.mark.parametrize("uris", WRONG_REDIRECTS.values(), ids=WRONG_REDIRECTS)
def test_a_wrong_redirect_of_a_web_program_is_refused(provider: Provider, uris: Any) -> None:
    assert provider.register(redirect_uris=uris).outcome == (400, REDIRECT)


@pytest.mark.parametrize("uri", WRONG_NATIVE_REDIRECTS.values(), ids=WRONG_NATIVE_REDIRECTS)
def test_a_wrong_redirect_of_a_native_program_is_refused(provider: Provider, uri: str) -> None:
    assert provider.register(application_type="native", redirect_uris=[uri]).outcome == (400, REDIRECT)


@pytest.mark.parametrize("host", ["co.uk", "github.io", "com"])
def test_a_redirect_to_a_public_suffix_is_refused(provider: Provider, host: str) -> None:
    answer = provider.register(client_uri=f"https://me.{host}", redirect_uris=[f"https://{host}/callback"])
    assert answer.outcome == (400, REDIRECT)


GOOD_REDIRECTS = {
    "another port": ("web", "https://app.example.com:8443/callback"),
    "a host below": ("web", "https://login.app.example.com/callback"),
    "with a query": ("web", "https://app.example.com/callback?to=me"),
    "native with https": ("native", "https://app.example.com/callback"),
    "own scheme with a slash": ("native", "com.example.app:/callback"),
    "own scheme without": ("native", "com.example.app:callback"),
    "loopback 4": ("native", "http://127.0.0.1/callback"),
    "loopback 6": ("native", "http://[::1]/callback"),
    "localhost": ("native", "http://localhost/callback"),
}


@pytest.mark.parametrize(("kind", "uri"), GOOD_REDIRECTS.values(), ids=GOOD_REDIRECTS)
def test_what_the_page_allows_is_registered_as_it_was_sent(provider: Provider, kind: str, uri: str) -> None:
    answer = provider.register(application_type=kind, redirect_uris=[uri])
    assert (answer.status, answer.json["redirect_uris"]) == (201, [uri])


def test_what_was_left_out_gets_its_default(provider: Provider) -> None:
    sent = {"client_uri": BASE, "redirect_uris": [f"{BASE}/callback"]}
    answer = provider.ask("POST", "registration", json.dumps(sent).encode(), {"Content-Type": "application/json"})
    found = answer.json
    assert (found["grant_types"], found["response_types"]) == ([CODE], ["code"])
    assert (found["token_endpoint_auth_method"], found["application_type"]) == ("client_secret_basic", "web")
    assert (found["client_secret_expires_at"], len(found["client_secret"]) > 40) == (0, True)


def test_a_program_without_the_code_grant_needs_no_redirect(provider: Provider) -> None:
    answer = provider.register(grant_types=[DEVICE], redirect_uris=..., response_types=[])
    assert (answer.status, answer.json["response_types"]) == (201, [])


def test_a_large_registration_is_refused(provider: Provider) -> None:
    assert provider.register(contacts=["x" * 1000] * 70).status == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_refused(provider: Provider, method: str) -> None:
    assert provider.ask(method, "registration").outcome == (405, "invalid_request")
