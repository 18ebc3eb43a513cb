"""OAuth against requests-oauthlib, which insists on https, on the state, and on the scope it asked for."""

from typing import Any

import pytest

from tests.conformance.oauth.person import Operator, Person
from tests.conformance.oauth.provider import CODE, DEVICE, REFRESH, Client, Provider, new_device, scope_of
from tests.conformance.oauth.transports import requests_adapter
from tests.conformance.oauth.wire import PUBLIC_URL

TOKEN, REVOKE = f"{PUBLIC_URL}/oauth2/token", f"{PUBLIC_URL}/oauth2/revoke"
USERINFO = f"{PUBLIC_URL}/oauth2/userinfo"


@pytest.fixture
def library() -> Any:
    return pytest.importorskip(
        "requests_oauthlib", reason="needs requests-oauthlib: install what requirements-dev.txt names"
    )


def session(library: Any, provider: Provider, program: Client, **more: Any) -> Any:
    found = library.OAuth2Session(program.client_id, **more)
    found.mount("https://", requests_adapter(provider.port))
    return found


def test_a_program_signs_somebody_in_and_stays(library: Any, provider: Provider, person: Person) -> None:
    client = provider.client()
    scope = scope_of(new_device(), "openid").split()
    program = session(library, provider, client, redirect_uri=client.redirect_uri, scope=scope, pkce="S256")
    url, _ = program.authorization_url(f"{PUBLIC_URL}/authorize")
    response = person.authorize(url).uri
    token = program.fetch_token(TOKEN, authorization_response=response, include_client_id=True)
    assert program.get(USERINFO).json()["username"] == person.name
    fresh = program.refresh_token(TOKEN, client_id=client.client_id)
    assert fresh["refresh_token"] != token["refresh_token"]
    assert program.get(USERINFO).status_code == 200
    ended = program.post(REVOKE, data={"token": fresh["refresh_token"], "client_id": client.client_id})
    assert (ended.status_code, ended.content) == (200, b"")
    assert program.get(USERINFO).status_code == 401


def test_a_program_with_a_secret_sends_it_either_way(library: Any, provider: Provider, person: Person) -> None:
    client = provider.client(token_endpoint_auth_method="client_secret_basic", grant_types=[CODE, REFRESH])
    for in_body in (False, True):
        scope = scope_of(new_device()).split()
        program = session(library, provider, client, redirect_uri=client.redirect_uri, scope=scope, pkce="S256")
        url, _ = program.authorization_url(f"{PUBLIC_URL}/authorize")
        response = person.authorize(url).uri
        secret = {"include_client_id": True} if in_body else {}
        token = program.fetch_token(TOKEN, authorization_response=response, client_secret=client.secret, **secret)
        assert provider.who_am_i(token["access_token"]) == 200


def test_the_device_grant(library: Any, provider: Provider, person: Person, operator: Operator) -> None:
    from oauthlib.oauth2 import DeviceClient, OAuth2Error  # type: ignore[import-untyped]

    client = provider.client(grant_types=[DEVICE, REFRESH], redirect_uris=..., response_types=[])
    scope = scope_of(new_device()).split()
    program = session(library, provider, client, client=DeviceClient(client.client_id, scope=scope), scope=scope)

    def begun() -> dict[str, Any]:
        fields = {"client_id": client.client_id, "scope": " ".join(scope)}
        return dict(program.post(f"{PUBLIC_URL}/oauth2/device", data=fields, withhold_token=True).json())

    def polled(grant: dict[str, Any]) -> Any:
        return program.fetch_token(TOKEN, device_code=grant["device_code"], include_client_id=True)

    def refused(grant: dict[str, Any]) -> str:
        with pytest.raises(OAuth2Error) as failed:
            polled(grant)
        return str(failed.value.error)

    waiting, denied, late, allowed = begun(), begun(), begun(), begun()
    assert {refused(waiting) for _ in range(20)} == {"authorization_pending", "slow_down"}
    assert person.link(denied["user_code"], decision="deny")
    assert refused(denied) == "access_denied"
    operator.expire(late["device_code"])
    assert refused(late) == "expired_token"
    assert person.link(allowed["user_code"])
    assert provider.who_am_i(polled(allowed)["access_token"]) == 200
