"""What is no form, at every OAuth endpoint that takes one (R1, R2, R41; matrix-oauth.md §9)."""

import pytest

from tests.conformance.oauth.provider import Provider
from tests.conformance.oauth.wire import FORM, ask, encoded

PATHS = ["token", "device", "revoke", "introspect"]
TYPES = ["application/json", "multipart/form-data; boundary=x", "text/plain", "", "\xff/\x80;;=,"]
BODIES = {
    "nothing": b"",
    "a broken escape": b"token=%f0%28&client_id=%zz",
    "not UTF-8": b"token=%ff%fe&client_id=%ff",
    "bytes": b"token=\xff\xfe\x00",
    "a NUL": b"token=%00&client_id=%00&scope=%00",
    "names without values": b"token&client_id&scope",
    "only signs": b"&&&===&&;;",
    "many parameters": b"&".join(b"a%d=b" % number for number in range(500)),
    "a parameter many times": b"token=a&client_id=b&scope=c&grant_type=d&" * 30,
    "lone surrogates": b"token=%ed%a0%80&client_id=%ed%b0%80",
    "JSON": b'{"token":"x"}',
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_form_is_refused(provider: Provider, caller: dict[str, str], path: str, body: bytes) -> None:
    headers = {"Content-Type": FORM, **(caller if path == "introspect" else {})}
    answer = provider.ask("POST", path, body, headers)
    assert answer.status in {400, 401}
    assert answer.error in {"invalid_request", "invalid_client", "unsupported_grant_type"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("content_type", TYPES)
def test_another_content_type_is_refused(
    provider: Provider, caller: dict[str, str], path: str, content_type: str
) -> None:
    headers = {"Content-Type": content_type, **(caller if path == "introspect" else {})}
    answer = provider.ask("POST", path, b"token=x&client_id=x&scope=openid&grant_type=refresh_token", headers)
    assert answer.status in {400, 415}
    assert answer.error == "invalid_request"


@pytest.mark.parametrize("path", PATHS)
def test_a_form_with_its_charset_is_a_form(provider: Provider, caller: dict[str, str], path: str) -> None:
    headers = {"Content-Type": f"{FORM}; charset=UTF-8", **(caller if path == "introspect" else {})}
    answer = provider.ask("POST", path, b"token=x&client_id=unknown&scope=openid&grant_type=refresh_token", headers)
    assert answer.outcome in {(401, "invalid_client"), (200, "")}


@pytest.mark.parametrize("path", PATHS)
def test_a_large_body_is_refused(provider: Provider, caller: dict[str, str], path: str) -> None:
    headers = caller if path == "introspect" else {}
    assert provider.post(path, {"token": "x" * 70_000}, headers).outcome == (413, "invalid_request")


@pytest.mark.parametrize("path", PATHS)
def test_what_stands_in_the_url_is_no_form(provider: Provider, caller: dict[str, str], path: str) -> None:
    query = encoded({"token": "x", "client_id": "x", "scope": "openid", "grant_type": "refresh_token"}).decode()
    headers = {"Content-Type": FORM, **(caller if path == "introspect" else {})}
    answer = provider.ask("POST", f"{path}?{query}", b"", headers)
    assert answer.outcome == (400, "invalid_request")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused(provider: Provider, path: str, method: str) -> None:
    answer = provider.ask(method, path)
    assert answer.outcome == (405, "invalid_request")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["unknown", "token/", "token/more", "", "device/", "keys.json/", "Token"])
def test_an_unknown_path_errs_in_the_form_of_oauth(provider: Provider, path: str) -> None:
    assert provider.ask("POST", f"/oauth2/{path}", b"x=y", {"Content-Type": FORM}).outcome == (404, "invalid_request")


@pytest.mark.parametrize("path", ["token", "device", "revoke", "registration", "userinfo", "keys.json"])
def test_a_page_elsewhere_may_ask(provider: Provider, path: str) -> None:
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    answer = ask(provider.port, "OPTIONS", f"/oauth2/{path}", headers=headers)
    assert answer.status in {200, 204}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"].lower()
    assert answer.headers["Access-Control-Allow-Credentials"] is None


@pytest.mark.parametrize("path", ["/oauth2/introspect", "/authorize", "/link", "/account/", "/account/login/"])
def test_no_page_elsewhere_may_ask_what_is_for_servers_and_people(provider: Provider, path: str) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        answer = ask(provider.port, method, path, headers={"Origin": "https://app.example.com"})
        assert answer.status < 500
        assert answer.headers["Access-Control-Allow-Origin"] is None
