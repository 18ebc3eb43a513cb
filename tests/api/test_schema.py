"""OpenAPI and Swagger UI (one-origin.md §1): valid, complete, without foreign hosts."""

import json
import re

import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from idp import openapi

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(client):
    return client.get("/api/schema/").json()


def test_the_description_is_valid_and_made_without_a_warning(tmp_path):
    target = tmp_path / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(target))
    assert json.loads(target.read_text())["info"]["title"] == "Latchkey"


def test_it_is_json_for_everybody(client):
    response = client.get("/api/schema/")
    assert (response.status, response.header("content-type")) == (200, "application/json; charset=utf-8")
    assert response.header("access-control-allow-origin") == "*"
    validate_schema(response.json())


def test_both_calls_of_the_small_api_are_described_in_full(schema):
    me = schema["paths"]["/api/me"]["get"]
    assert me["security"] == [{"bearer": []}]
    assert set(me["responses"]) == {"200", "401", "403"}
    described = schema["components"]["schemas"]["Me"]["properties"]
    assert set(described) == {"user_id", "username", "display_name", "emails", "flow", "amr", "expires_at"}
    refresh = schema["paths"]["/api/token/refresh"]
    assert set(refresh) == {"post"}
    assert "security" not in refresh["post"]
    assert set(refresh["post"]["responses"]) == {"200", "400"}
    assert set(schema["components"]["schemas"]["Renewed"]["properties"]) == {"access", "refresh", "expires_in"}


@pytest.mark.parametrize(
    ("method", "path", "tag"),
    [
        ("get", "/api/me", "API"),
        ("post", "/api/token/refresh", "E-mail code"),
        ("post", "/_matrix/client/v3/login", "Matrix"),
        ("get", "/_matrix/client/v3/account/whoami", "Matrix"),
        ("delete", "/_matrix/client/v3/devices/{device_id}", "Matrix"),
        ("get", "/.well-known/matrix/client", "Matrix"),
        ("post", "/api/users", "Laverna"),
        ("get", "/api/users/name/{username}", "Laverna"),
        ("put", "/api/users/name/{username}", "Laverna"),
        ("delete", "/api/users/name/{username}", "Laverna"),
        ("get", "/api/users/fingerprint/{fingerprint}", "Laverna"),
        ("get", "/api/token/{username}", "Laverna"),
        ("post", "/api/auth", "Laverna"),
        ("post", "/api/users/me/keys", "Laverna"),
        ("get", "/loki/v1/get_challenge", "Session"),
        ("post", "/loki/v1/submit_challenge", "Session"),
        ("get", "/token", "Session"),
        ("delete", "/token", "Session"),
        ("patch", "/users/me", "Session"),
        ("post", "/_matrix/client/unstable/org.matrix.msc4108/rendezvous", "QR login"),
        ("put", "/_matrix/client/v1/rendezvous/{id}", "QR login"),
    ],
)
def test_the_calls_of_each_door_are_listed_under_it(schema, method, path, tag):
    assert schema["paths"][path][method]["tags"] == [tag]


def test_every_hot_route_is_listed_once(schema):
    from idp.asgi import _HOT

    for method, path in _HOT:
        if method != "HEAD" and not path.endswith("/") and not re.search("/(r0|unstable)/|^/stream/", path):
            assert method.lower() in schema["paths"][path], path


def test_no_path_is_a_regular_expression_and_no_name_comes_twice(schema):
    assert all(re.fullmatch(r"(/[A-Za-z0-9._-]+|/\{\w+\})+/?", path) for path in schema["paths"])
    names = [operation["operationId"] for methods in schema["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("regex", "path"),
    [
        (r"^_matrix/client/(?:r0|v3|unstable)/login\Z", "/_matrix/client/v3/login"),
        (r"^(?:stream/0/)?token/?\Z", "/token"),
        (r"^loki/v1/channels/(?P<number>[^/]+)/moderators/?\Z", "/loki/v1/channels/{number}/moderators"),
        (r"^\.well-known/matrix/client\Z", "/.well-known/matrix/client"),
        ("api/me", "/api/me"),
    ],
)
def test_a_route_is_told_as_the_path_that_clients_use_today(regex, path):
    assert openapi.readable(regex) == path


def test_swagger_ui_comes_from_here_alone(client):
    response = client.get("/api/docs/", headers={"Host": "localhost"})
    assert response.status == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', response.text)
    assert len(links) > 4
    assert all(link.startswith("/") and not link.startswith("//") for link in links)
    for link in links:
        assert client.get(link, headers={"Host": "localhost"}).status == 200, link
    policy = response.header("content-security-policy")
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert response.header("access-control-allow-origin") is None
    assert response.header("x-content-type-options") == "nosniff"
    assert response.header("x-frame-options") == "DENY"
    assert "<script>" not in response.text


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema", "/api/docs/x", "/api/schema/x"])
def test_neither_has_another_spelling(client, path):
    response = client.get(path)
    assert (response.status, response.json()) == (404, {"message": "Not Found"})


def test_neither_takes_a_post(client):
    assert client.post("/api/docs/", headers={"Host": "localhost"}).status == 403  # a form without its token
    response = client.post("/api/schema/")
    assert (response.status, response.json()["error"]) == (405, "invalid_request")
