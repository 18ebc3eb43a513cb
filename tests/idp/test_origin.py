"""Who owns which path and how it errs: one-origin.md §1, R2, R3."""

import pytest

from accounts import aio, bodies
from accounts.errors import Reason, Refusal
from idp import error_page, origin

pytestmark = pytest.mark.django_db

SESSION = {"meta": {"code": 404, "error_message": "Not Found"}}
MATRIX = {"errcode": "M_UNRECOGNIZED", "error": "Not Found"}
OAUTH = {"error": "invalid_request", "error_description": "Not Found"}
LAVERNA = {"message": "Not Found"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_matrix/client/v3/sync", MATRIX),
        ("/_synapse/x", MATRIX),
        ("/.well-known/matrix/server", MATRIX),
        ("/.well-known/openid-configuration/x", OAUTH),
        ("/oauth2/tokens", OAUTH),
        ("/auth/device/", OAUTH),
        ("/api/no/such", LAVERNA),
        ("/api/me/", LAVERNA),
        ("/loki/v1/public_key", SESSION),
        ("/loki/v1/time", SESSION),
        ("/channels/1/subscribe", SESSION),
        ("/users/me/x", SESSION),
        ("/tokenx", SESSION),
        ("/anything", SESSION),
        ("//anything", SESSION),
        ("//admin/", SESSION),
        ("//healthz", SESSION),
    ],
)
def test_an_unknown_path_is_404_in_its_owners_form(client, method, path, body):
    response = client.request(method, path)
    assert (response.status, response.json()) == (404, body)
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("access-control-allow-credentials") is None


@pytest.mark.parametrize("path", ["/anything", "/channels/1"])
def test_a_browser_sees_a_page_where_nobody_owns_the_path(client, path):
    response = client.get(path, headers=BROWSER)
    assert response.status == 404
    assert response.header("content-type") == "text/html; charset=utf-8"
    assert "There is no such page" in response.text
    assert "script" not in response.text


@pytest.mark.parametrize(
    ("languages", "shown"),
    [
        ("de", "de"),
        ("de-CH;q=0.9, en;q=0.8", "de"),
        ("fr, en;q=0.5, de;q=0.4", "en"),
        ("de;q=0", "en"),
        ("de;q=x, \xfc;;=", "en"),
        ("", "en"),
    ],
)
def test_an_error_page_speaks_the_language_its_reader_prefers(client, languages, shown):
    response = client.get("/anything", headers={**BROWSER, "Accept-Language": languages})
    assert {"de": "Diese Seite gibt es nicht", "en": "There is no such page"}[shown] in response.text
    assert f'<html lang="{shown}">' in response.text
    assert response.header("content-language") == shown
    assert "{{" not in response.text


def test_every_error_page_is_there_in_every_language():
    pages = {
        (status, language): error_page.render(status, language).decode()
        for status in (400, 403, 404, 405, 408, 413, 414, 429, 500, 503)
        for language in ("en", "de")
    }
    titles = {page.split("<h1>")[1].split("</h1>")[0] for page in pages.values()}
    assert len(titles) == len(pages)


def test_errors_of_pages_and_of_forms_are_german_too_but_not_the_administrations(client, db):
    german = {**BROWSER, "Accept-Language": "de", "Host": "localhost"}
    assert "Diese Seite gibt es nicht" in client.get("/account/nothing/", headers=german).text
    assert "Nicht erlaubt" in client.request("POST", "/account/login/", body=b"x=1", headers=german).text
    too_large = client.request("POST", "/account/login/", body=b"x" * 3_000_000, headers=german)
    assert (too_large.status, "Das ist zu groß" in too_large.text) == (413, True)
    large_there = origin.failure(404, "/admin/x", "text/html", languages="de")
    assert b"There is no such page" in large_there.body


@pytest.mark.parametrize("path", ["/_matrix/x", "/loki/v1/x", "/api/x", "/oauth2/x", "/token"])
def test_an_owned_path_never_errs_in_html(client, path):
    assert client.get(path, headers=BROWSER).header("content-type") == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", ["/_matrix/x", "/oauth2/x", "/api/x", "/loki/v1/x", "/channels/1/x"])
def test_a_preflight_is_answered_even_on_an_unknown_path(client, path):
    response = client.request("OPTIONS", path, headers={"Origin": "https://app.example"})
    assert response.status in {200, 204}
    assert response.body == b""
    assert response.header("access-control-allow-origin") == "*"
    assert "authorization" in response.header("access-control-allow-headers").lower()


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "", "x"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_front_page_is_200_html_whatever_is_accepted(client, method, accept):
    response = client.request(method, "/", headers={"Accept": accept, "Host": "any.example"})
    assert response.status == 200
    assert response.header("content-type").startswith("text/html")
    assert ("Session" in response.text) is (method == "GET")


def test_no_api_path_redirects(client):
    for path in ("/loki/v1/get_challenge/", "/token/", "/users/me/", "/_matrix/client/versions/", "/api/x/"):
        assert not 300 <= client.get(path).status < 400


def test_health_says_nothing_about_itself(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    assert client.get("/healthz").header("server") is None


def test_not_ready_names_what_is_missing(client, monkeypatch):
    from idp import health

    monkeypatch.setattr(health, "_known_migrated", False)
    monkeypatch.setattr(health, "_migrated", lambda: False)
    response = client.get("/readyz")
    assert (response.status, response.json()) == (503, {"status": "unavailable", "reason": "migrations"})
    assert response.header("retry-after") == "2"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/loki/v1/submit_challenge", 65_537, 413),
        ("/_matrix/client/v3/login", 70_000, 413),
        ("/api/auth", 102_400, 200),
        ("/api/auth", 102_401, 413),
        ("/anything", 65_536, 404),
    ],
)
def test_a_body_is_bounded_by_its_paths_owner(client, path, size, status):
    response = client.post(path, body=b"x" * size)
    assert response.status == status
    assert response.header("content-type") == "application/json; charset=utf-8"


def test_a_body_without_length_is_bounded_while_it_is_read(client):
    response = client.post("/loki/v1/submit_challenge", body=b"x" * 70_000, headers={"Content-Length": "5"})
    assert response.status == 413


def test_a_long_url_is_414(client):
    response = client.get("/loki/v1/get_challenge?pubKey=" + "a" * 9000)
    assert (response.status, response.json()["meta"]["code"]) == (414, 414)


def test_a_full_queue_is_503_in_the_owners_form(client, monkeypatch):
    async def full(*arguments, **more):
        raise Refusal(Reason.OVERLOADED, retry_after=1)

    monkeypatch.setattr(aio.Pool, "call", full)
    response = client.get("/loki/v1/get_challenge")
    assert (response.status, response.json()) == (503, {"error": "busy"})
    assert response.header("retry-after") == "1"
    assert client.get("/anything").json()["meta"]["code"] == 503
    assert client.get("/_matrix/x").json()["errcode"] == "M_UNKNOWN"


def test_our_own_fault_is_500_without_a_word_of_it(client, monkeypatch, caplog):
    from challenges.session import services

    def broken(**facts):
        raise RuntimeError("/secret/path SELECT")

    monkeypatch.setattr(services, "open_challenge", broken)
    response = client.get(
        "/loki/v1/get_challenge?pubKey=05ef229771c7c01f24b17e7364a861d94acf6b08ce21492e9a94f546b029cd2839"
    )
    assert (response.status, response.json()) == (500, {"error": "internal error"})


def test_a_database_that_is_gone_is_told_as_the_page_says(client, monkeypatch):
    from django.db import OperationalError

    from challenges.session import services

    def gone(*arguments, **facts):
        raise OperationalError("connection refused")

    monkeypatch.setattr(services, "open_challenge", gone)
    monkeypatch.setattr(services, "bearer", gone)
    challenge = client.get(
        "/loki/v1/get_challenge?pubKey=05ef229771c7c01f24b17e7364a861d94acf6b08ce21492e9a94f546b029cd2839"
    )
    assert (challenge.status, challenge.json()) == (500, {"error": "storage unavailable"})
    token = client.get("/token", token="x")
    assert (token.status, token.json()["meta"]["code"]) == (503, 503)
    assert token.header("retry-after") == "2"


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/static/x", "/account/x", "/demo/x", "/link"])
def test_pages_carry_their_headers(client, path):
    response = client.get(path, headers={"Host": "localhost"})
    assert response.status in {200, 302, 404}
    assert response.header("content-security-policy").startswith("default-src 'none'")
    assert response.header("x-content-type-options") == "nosniff"
    assert response.header("referrer-policy") == "same-origin"
    assert response.header("access-control-allow-origin") is None


def test_a_forged_host_reaches_no_page(client):
    response = client.get("/admin/login/", headers={"Host": "evil.example"})
    assert response.status == 400
    assert "evil.example" not in response.text


def test_apis_run_no_middleware_and_set_no_cookie(client):
    for path in ("/", "/healthz", "/token", "/loki/v1/get_challenge", "/anything"):
        response = client.get(path)
        assert response.header("set-cookie") is None
        assert response.header("x-frame-options") in {None, "DENY"}


def test_a_cookie_authenticates_no_api(client):
    response = client.get("/loki/v1/user_info", headers={"Cookie": "session=x; csrf=y"})
    assert response.status == 401


async def test_a_body_that_stops_coming_is_408(monkeypatch, settings):
    import asyncio

    settings.BODY_TIMEOUT = 0.05

    async def never():
        await asyncio.sleep(10)

    with pytest.raises(bodies.Unreadable) as unreadable:
        await bodies.read({b"content-length": b"5"}, never, limit=100)
    assert unreadable.value.status == 408
