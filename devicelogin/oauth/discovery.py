"""What the authorization server says of itself (RFC 8414; matrix-oauth.md §1)."""

from typing import Any

from django.conf import settings

from devicelogin.oauth import client_metadata, clients, redirects, scopes

_ACTIONS = [
    "org.matrix.profile",
    "org.matrix.devices_list",
    "org.matrix.device_view",
    "org.matrix.device_delete",
    "org.matrix.account_deactivate",
    "org.matrix.cross_signing_reset",
    "org.matrix.sessions_list",
    "org.matrix.session_view",
    "org.matrix.session_end",
]


def issuer() -> str:
    """The base URL with exactly one slash at its end, as in ID tokens and `iss`."""
    return f"{settings.PUBLIC_URL}/"


def metadata() -> dict[str, Any]:
    """The same document at all its addresses."""
    here = settings.PUBLIC_URL
    with_secret = [method for method in client_metadata.AUTH_METHODS if method != "none"]
    document = {
        "issuer": issuer(),
        "authorization_endpoint": f"{here}/authorize",
        "token_endpoint": f"{here}/oauth2/token",
        "registration_endpoint": f"{here}/oauth2/registration",
        "revocation_endpoint": f"{here}/oauth2/revoke",
        "introspection_endpoint": f"{here}/oauth2/introspect",
        "userinfo_endpoint": f"{here}/oauth2/userinfo",
        "jwks_uri": f"{here}/oauth2/keys.json",
        "response_types_supported": ["code"],
        "response_modes_supported": list(redirects.MODES),
        "grant_types_supported": list(clients.grant_types()),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(client_metadata.AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(client_metadata.AUTH_METHODS),
        "introspection_endpoint_auth_methods_supported": with_secret,
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": ["none", "login", *(["create"] if settings.REGISTRATION != "closed" else [])],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": [scopes.OPENID, scopes.EMAIL],
        "account_management_uri": f"{here}/account/",
        "account_management_actions_supported": _ACTIONS,
    }
    if settings.OAUTH_DEVICE_GRANT:
        document["device_authorization_endpoint"] = f"{here}/oauth2/device"
    return document
