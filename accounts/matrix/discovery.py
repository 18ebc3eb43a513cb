"""What the server says of itself (matrix.md §6, §11, §13)."""

from typing import Any

from django.conf import settings

from accounts import features, homeserver
from accounts.matrix import messages, sso

_VERSIONS = [
    "r0.0.1",
    *(f"r0.{minor}.0" for minor in range(1, 6)),
    "r0.6.0",
    "r0.6.1",
    *(f"v1.{n}" for n in range(1, 15)),
]
_WITH_OAUTH = ["v1.15", "v1.16", "v1.17", "v1.18"]


def versions() -> dict[str, Any]:
    """The specification versions whose authentication is served here.

    From v1.15 on a client asks for OAuth metadata: those are named only while they are served.
    """
    return {
        "versions": [*_VERSIONS, *(_WITH_OAUTH if settings.OAUTH else [])],
        "unstable_features": {"org.matrix.msc3882": settings.MATRIX_GET_LOGIN_TOKEN, **features.shown()},
    }


def login_flows() -> dict[str, Any]:
    """GET login."""
    token = {"type": messages.TOKEN, "get_login_token": settings.MATRIX_GET_LOGIN_TOKEN}
    return {"flows": [{"type": messages.PASSWORD}, token, *([_sso_flow()] if sso.is_on() else [])]}


def capabilities(*, administrator: bool, on_page: bool = False) -> dict[str, Any]:
    """GET capabilities; clients take an absent one for true, so the false ones are stated.

    `on_page`: for a session of OAuth, whose person changes password and addresses on the account page only
    (matrix-oauth.md §7).
    """
    found: dict[str, Any] = {
        "m.change_password": {"enabled": not on_page},
        "m.3pid_changes": {"enabled": not on_page},
        "m.get_login_token": {"enabled": settings.MATRIX_GET_LOGIN_TOKEN and not on_page},
        "m.set_displayname": {"enabled": True},
        "m.set_avatar_url": {"enabled": False},
        "m.profile_fields": {"enabled": True, "allowed": ["displayname"]},
        "m.room_versions": {"default": "1", "available": {"1": "stable"}},
    }
    if administrator:
        found["m.account_moderation"] = {"lock": True, "suspend": True}
    return {"capabilities": found}


def _sso_flow() -> dict[str, Any]:
    """The sign-in page as a way to log in; clients that know OAuth are told to take that instead (MSC3824)."""
    flow: dict[str, Any] = {"type": messages.SSO}
    if settings.OAUTH:
        flow |= {"oauth_aware_preferred": True, "org.matrix.msc3824.delegated_oidc_compatibility": True}
    providers = sso.providers()
    return flow | ({"identity_providers": providers} if providers else {})


def well_known() -> dict[str, Any] | None:
    """`m.homeserver`, if the operator said under which URL it is reached; None otherwise. A Synapse behind this server
    is the homeserver."""
    if homeserver.is_on():
        return {"m.homeserver": {"base_url": f"{settings.MATRIX_HOMESERVER_PUBLIC_URL}/"}}
    if not settings.PUBLIC_URL_IS_SET:
        return None
    here = settings.PUBLIC_URL
    found: dict[str, Any] = {"m.homeserver": {"base_url": f"{here}/"}}
    if settings.OAUTH:
        found["org.matrix.msc2965.authentication"] = {"issuer": f"{here}/", "account": f"{here}/account/"}
    return found
