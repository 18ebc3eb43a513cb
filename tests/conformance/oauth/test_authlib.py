"""OAuth against Authlib's client over httpx, with ID tokens checked by joserfc against the published keys."""

from typing import Any

import httpx
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conformance.oauth.person import Operator, Person
from tests.conformance.oauth.provider import DEVICE, Client, Provider, new_device, scope_of
from tests.conformance.oauth.transports import Inside
from tests.conformance.oauth.wire import ISSUER, PUBLIC_URL

VERIFIER = "a verifier that is long enough for RFC 7636, and of its letters"[:43].replace(" ", "-").replace(",", "_")


@pytest.fixture
def metadata(provider: Provider) -> dict[str, Any]:
    """The server's, judged by Authlib."""
    with httpx.Client(transport=Inside(provider.port)) as plain:
        found = AuthorizationServerMetadata(plain.get(f"{PUBLIC_URL}/.well-known/oauth-authorization-server").json())
    found.validate()
    return dict(found)


def session(provider: Provider, client: Client, **more: Any) -> OAuth2Client:
    method = "client_secret_basic" if client.secret else "none"
    return OAuth2Client(
        client.client_id,
        client.secret or None,
        token_endpoint_auth_method=method,
        redirect_uri=client.redirect_uri,
        code_challenge_method="S256",
        transport=Inside(provider.port),
        **more,
    )


def signed_in(session: OAuth2Client, person: Person, metadata: dict[str, Any], **more: str) -> dict[str, Any]:
    """The tokens of a code flow."""
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=VERIFIER, **more)
    uri = person.authorize(url).uri
    answer = session.fetch_token(
        metadata["token_endpoint"], authorization_response=uri, state=state, code_verifier=VERIFIER
    )
    return dict(answer)


def claims_of(id_token: str, metadata: dict[str, Any], port: int) -> dict[str, Any]:
    """The claims under a signature that one of the published keys made."""
    with httpx.Client(transport=Inside(port)) as plain:
        keys = KeySet.import_key_set(plain.get(metadata["jwks_uri"]).json())
    return dict(jwt.decode(id_token, keys, algorithms=["RS256"]).claims)


def test_a_public_program_signs_somebody_in_and_stays(
    provider: Provider, person: Person, metadata: dict[str, Any]
) -> None:
    scope = scope_of(new_device(), "openid")
    with session(provider, provider.client(), scope=scope) as program:
        token = signed_in(program, person, metadata, nonce="n")
        claims = claims_of(token["id_token"], metadata, provider.port)
        assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, program.client_id, "n")
        assert program.get(metadata["userinfo_endpoint"]).json()["username"] == person.name
        fresh = program.refresh_token(metadata["token_endpoint"], token["refresh_token"])
        assert (fresh["scope"], fresh["access_token"] != token["access_token"]) == (scope, True)
        assert program.get(metadata["userinfo_endpoint"]).json()["sub"] == claims["sub"]
        assert program.revoke_token(metadata["revocation_endpoint"], fresh["refresh_token"]).status_code == 200
        assert program.get(metadata["userinfo_endpoint"]).status_code == 401


def test_a_confidential_program_asks_about_its_token(
    provider: Provider, person: Person, metadata: dict[str, Any]
) -> None:
    client = provider.client(token_endpoint_auth_method="client_secret_basic")
    with session(provider, client, scope=scope_of(new_device())) as program:
        token = signed_in(program, person, metadata)
        told = program.introspect_token(metadata["introspection_endpoint"], token["access_token"]).json()
        assert (told["active"], told["username"], told["client_id"]) == (True, person.name, client.client_id)
        ended = program.revoke_token(metadata["revocation_endpoint"], token["access_token"])
        assert ended.status_code == 200
        told = program.introspect_token(metadata["introspection_endpoint"], token["access_token"]).json()
        assert told == {"active": False}


def test_the_device_grant(provider: Provider, person: Person, operator: Operator, metadata: dict[str, Any]) -> None:
    client = provider.client(grant_types=[DEVICE], redirect_uris=..., response_types=[])
    with session(provider, client) as program:

        def begun() -> dict[str, Any]:
            fields = {"client_id": client.client_id, "scope": scope_of(new_device())}
            where = metadata["device_authorization_endpoint"]
            return dict(program.request("POST", where, data=fields, withhold_token=True).json())

        def polled(grant: dict[str, Any]) -> Any:
            code = grant["device_code"]
            return program.fetch_token(metadata["token_endpoint"], grant_type=DEVICE, device_code=code)

        def refused(grant: dict[str, Any]) -> str:
            with pytest.raises(OAuthError) as failed:
                polled(grant)
            return str(failed.value.error)

        allowed, denied, late = begun(), begun(), begun()
        assert {refused(allowed) for _ in range(20)} == {"authorization_pending", "slow_down"}
        assert refused({"device_code": "guessed"}) == "invalid_grant"
        allowed = begun()
        assert person.link(allowed["user_code"])
        assert polled(allowed)["token_type"] == "Bearer"
        assert refused(allowed) == "invalid_grant"
        assert person.link(denied["user_code"], decision="deny")
        assert refused(denied) == "access_denied"
        operator.expire(late["device_code"])
        assert refused(late) == "expired_token"
