"""What the server says of itself (matrix.md §6, §11, §13)."""

from typing import Any

from django.conf import settings

from accounts.matrix import messages

_VERSIONS = [
    "r0.0.1",
    *(f"r0.{minor}.0" for minor in range(1, 6)),
    "r0.6.0",
    "r0.6.1",
    *(f"v1.{n}" for n in range(1, 15)),
]


def versions() -> dict[str, Any]:
    """The specification versions whose authentication is served here.

    Not v1.15 and later: with those a client asks for OAuth metadata, which is not served yet.
    """
    return {"versions": _VERSIONS, "unstable_features": {"org.matrix.msc3882": settings.MATRIX_GET_LOGIN_TOKEN}}


def login_flows() -> dict[str, Any]:
    """GET login."""
    token = {"type": messages.TOKEN, "get_login_token": settings.MATRIX_GET_LOGIN_TOKEN}
    return {"flows": [{"type": messages.PASSWORD}, token]}


def capabilities(*, administrator: bool) -> dict[str, Any]:
    """GET capabilities; clients take an absent one for true, so the false ones are stated."""
    found: dict[str, Any] = {
        "m.change_password": {"enabled": True},
        "m.3pid_changes": {"enabled": True},
        "m.get_login_token": {"enabled": settings.MATRIX_GET_LOGIN_TOKEN},
        "m.set_displayname": {"enabled": True},
        "m.set_avatar_url": {"enabled": False},
        "m.profile_fields": {"enabled": True, "allowed": ["displayname"]},
        "m.room_versions": {"default": "1", "available": {"1": "stable"}},
    }
    if administrator:
        found["m.account_moderation"] = {"lock": True, "suspend": True}
    return {"capabilities": found}


def well_known() -> dict[str, Any] | None:
    """`m.homeserver`, if the operator said under which URL this server is reached; None otherwise."""
    return {"m.homeserver": {"base_url": f"{settings.PUBLIC_URL}/"}} if settings.PUBLIC_URL_IS_SET else None
