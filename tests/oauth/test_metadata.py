"""The metadata at all its addresses (RFC 8414; matrix-oauth.md §1, qr-login.md §7.1)."""

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from django.test import override_settings

from devicelogin.oauth.protocol import DEVICE_GRANT

PLACES = [
    "/_matrix/client/v1/auth_metadata",
    "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
]
ISSUER = "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer"

pytestmark = pytest.mark.django_db


@pytest.fixture
def metadata(client):
    return client.get(PLACES[0]).json()


@pytest.mark.parametrize("path", PLACES)
def test_the_same_document_stands_at_each_of_its_addresses(client, metadata, path):
    answer = client.get(path)
    assert (answer.status, answer.json()) == (200, metadata)
    assert answer.header("access-control-allow-origin") == "*"
    assert answer.header("cache-control") == "public, max-age=600"
    assert client.request("HEAD", path).status == 200


def test_the_oldest_address_names_the_issuer_alone(client, metadata):
    assert client.get(ISSUER).json() == {"issuer": metadata["issuer"]}


def test_what_clients_require_is_there(metadata):
    assert metadata["issuer"] == "http://localhost:8000/"
    assert "code" in metadata["response_types_supported"]
    assert {"query", "fragment", "form_post"} == set(metadata["response_modes_supported"])
    assert {"authorization_code", "refresh_token", DEVICE_GRANT} == set(metadata["grant_types_supported"])
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert "none" in metadata["token_endpoint_auth_methods_supported"]
    assert metadata["id_token_signing_alg_values_supported"] == ["RS256"]
    assert metadata["subject_types_supported"] == ["public"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["account_management_uri"] == "http://localhost:8000/account/"
    assert len(metadata["account_management_actions_supported"]) == 9
    named = ("authorization", "token", "registration", "revocation", "introspection", "userinfo")
    for name in (*(f"{name}_endpoint" for name in named), "device_authorization_endpoint", "jwks_uri"):
        assert metadata[name].startswith("http://localhost:8000/")


def test_the_introspection_path_is_the_one_that_synapse_asks_for(metadata):
    assert metadata["introspection_endpoint"] == metadata["issuer"] + "oauth2/introspect"


@override_settings(PUBLIC_URL="https://id.example.org")
def test_it_passes_authlibs_check_of_rfc_8414(client):
    document = client.get(PLACES[3]).json()
    assert document["issuer"] == "https://id.example.org/"
    AuthorizationServerMetadata(document).validate()


@override_settings(PUBLIC_URL="https://example.org/id")
def test_below_a_path_the_issuer_still_ends_in_one_slash(client):
    assert client.get(PLACES[0]).json()["issuer"] == "https://example.org/id/"


@override_settings(REGISTRATION="closed")
def test_sign_up_is_not_offered_while_registration_is_closed(client):
    assert client.get(PLACES[0]).json()["prompt_values_supported"] == ["none", "login"]


def test_sign_up_is_offered_while_registration_is_open(metadata):
    assert metadata["prompt_values_supported"] == ["none", "login", "create"]


@override_settings(OAUTH_DEVICE_GRANT=False)
def test_the_device_grant_is_named_only_while_it_is_on(client):
    document = client.get(PLACES[0]).json()
    assert "device_authorization_endpoint" not in document
    assert document["grant_types_supported"] == ["authorization_code", "refresh_token"]


@override_settings(OAUTH=False)
def test_while_oauth_is_off_its_addresses_are_unknown_paths(client):
    for path in (*PLACES[:2], ISSUER):
        answer = client.get(path)
        assert (answer.status, answer.json()["errcode"]) == (404, "M_UNRECOGNIZED")
    for path in (*PLACES[2:], "/oauth2/keys.json"):
        answer = client.get(path)
        assert (answer.status, answer.json()["error"]) == (404, "invalid_request")
    assert "v1.15" not in client.get("/_matrix/client/versions").json()["versions"]


def test_versions_tell_clients_to_ask_for_it(client):
    assert {"v1.15", "v1.18"} <= set(client.get("/_matrix/client/versions").json()["versions"])


@pytest.mark.parametrize("path", PLACES)
def test_nothing_else_than_reading_is_answered_there(client, path):
    answer = client.post(path)
    assert answer.status == 405
    assert answer.header("access-control-allow-origin") == "*"
    assert client.request("OPTIONS", path).status == 204
    assert client.get(f"{path}/").status == 404


@pytest.mark.parametrize(
    ("path", "cors"),
    [
        ("/oauth2/token", "*"),
        ("/oauth2/device", "*"),
        ("/oauth2/registration", "*"),
        ("/oauth2/revoke", "*"),
        ("/oauth2/userinfo", "*"),
        ("/oauth2/keys.json", "*"),
        ("/auth/device", "*"),
        ("/oauth2/introspect", None),
        ("/oauth2/unknown", "*"),
    ],
)
def test_browsers_may_ask_everywhere_but_at_introspection(client, path, cors):
    assert client.request("OPTIONS", path).header("access-control-allow-origin") == cors
    for answer in (client.request("PATCH", path), client.post(f"{path}/x")):
        assert answer.status in {404, 405}
        assert answer.json()["error"] == "invalid_request"
    assert client.request("PATCH", path).header("access-control-allow-origin") == cors


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/device", "/auth/device", "/oauth2/introspect"])
def test_hot_routes_tell_what_they_take(client, path):
    answer = client.get(path)
    assert (answer.status, answer.header("allow")) == (405, "OPTIONS, POST")


def test_the_shared_path_names_the_methods_of_both_owners(client):
    assert client.request("OPTIONS", "/token").header("allow") == "DELETE, GET, HEAD, OPTIONS, POST"
    assert client.get("/token").json()["meta"]["code"] == 401
    assert client.post("/token").json()["error"] == "invalid_request"
