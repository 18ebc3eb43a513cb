"""Bodies of the App.net style answers and the two error styles (session-open-group.md §3, §4.3–4.5). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.errors import Reason, Refusal
from accounts.wire import Shape, Wire
from challenges.session.protocol import moment

_NO_IMAGE = {"url": None, "width": None, "height": None, "is_default": False}
_SCOPES = ["stream", "messages", "export", "write_post", "follow"]
_SCOPES_TEXT = "basic stream write_post follow messages update_profile files export"
_BAD_TOKEN = "Call requires authentication: Authentication required to fetch token."

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
    "Access-Control-Expose-Headers": "Content-Length",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """The account behind a token, as Session sees it: `username` is the key that logged in."""

    user_id: int
    username: str
    display_name: str
    created_at: datetime


def user_object(owner: Owner) -> dict[str, Any]:
    """The user of sections 4.3 and 4.5; `name` is absent until set."""
    user: dict[str, Any] = {
        "id": str(owner.user_id),
        "username": owner.username,
        "created_at": moment(owner.created_at),
        "canonical_url": None,
        "type": None,
        "timezone": None,
        "locale": None,
        "avatar_image": _NO_IMAGE,
        "cover_image": _NO_IMAGE,
        "counts": {"following": 0, "posts": 0, "followers": 0, "stars": 0},
        "follows_you": False,
        "you_blocked": False,
        "you_follow": False,
        "you_muted": False,
        "you_can_subscribe": False,
        "you_can_follow": False,
    }
    if owner.display_name:
        user["name"] = owner.display_name
    return user


def token_body(owner: Owner, *, base_url: str) -> dict[str, Any]:
    """The body of GET /token (section 4.3), with truthful values of the original's types."""
    return envelope(
        {
            "app": {"client_id": "messenger", "link": base_url, "name": "Latchkey"},
            "scopes": _SCOPES,
            "limits": {"following": 0, "max_file_size": 0},
            "storage": {"available": 0, "used": 0},
            "user": user_object(owner),
            "invite_link": base_url,
        }
    )


def user_info_body(
    owner: Owner, *, issued_at: datetime, expires_at: datetime | None, moderator_status: bool | str
) -> dict[str, Any]:
    """The body of GET /loki/v1/user_info (section 4.4): here `user_id` is a number."""
    return envelope(
        {
            "user_id": owner.user_id,
            "client_id": "messenger",
            "scopes": _SCOPES_TEXT,
            "created_at": moment(issued_at, milliseconds=True),
            "expires_at": moment(expires_at, milliseconds=True) if expires_at else None,
            "moderator_status": moderator_status,
        }
    )


def envelope(data: Any) -> dict[str, Any]:
    """An App.net style success."""
    return {"meta": {"code": 200}, "data": data}


def _plain(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    return {"error": text}


def _appnet(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    return {"meta": {"code": shape.status, "error_message": text}}


def _need_token(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    """PATCH /users/me without a token is answered as the original does (section 4.5)."""
    if refusal.reason is Reason.TOKEN_MISSING:
        return {"meta": {"code": 401, "error": "Need token"}, "data": False}
    return _appnet(shape, text, refusal)


_REQUEST: Mapping[Reason, Shape] = {
    Reason.MALFORMED: Shape(400, "invalid JSON"),
    Reason.FIELD_MISSING: Shape(422, "{field} missing"),
    Reason.FIELD_INVALID: Shape(422, "{field} invalid"),
    Reason.FIELD_TYPE: Shape(422, "{field} invalid"),
    Reason.PATH_UNKNOWN: Shape(404, "Not Found"),
    Reason.METHOD_NOT_ALLOWED: Shape(405, "Method Not Allowed"),
    Reason.TOO_LARGE: Shape(413, "Payload Too Large"),
    Reason.UNSUPPORTED_MEDIA: Shape(415, "Unsupported Media Type"),
    Reason.NOT_FOUND: Shape(410, "user id not found"),
    Reason.NAME_TAKEN: Shape(409, "name taken"),
    Reason.NAME_INVALID: Shape(422, "name invalid"),
    Reason.NAME_RESERVED: Shape(422, "name reserved"),
    Reason.CREDENTIAL_TAKEN: Shape(409, "key taken"),
    Reason.LAST_CREDENTIAL: Shape(409, "last credential"),
    Reason.PASSWORD_WEAK: Shape(422, "password weak"),
    Reason.RATE_LIMITED: Shape(429, "too many requests"),
    Reason.OVERLOADED: Shape(503, "busy"),
}

# Plain style: the two challenge calls. Whoever may not log in hears one text, whatever the reason.
PLAIN_SHAPES: Mapping[Reason, Shape] = {
    **_REQUEST,
    Reason.NOT_ADMITTED: Shape(401, "not allowed"),
    Reason.ACCOUNT_LOCKED: Shape(401, "not allowed"),
    Reason.ACCOUNT_SUSPENDED: Shape(401, "not allowed"),
    Reason.ACCOUNT_DEACTIVATED: Shape(401, "not allowed"),
    Reason.FORBIDDEN: Shape(401, "not allowed"),
    Reason.REGISTRATION_CLOSED: Shape(401, "not allowed"),
    Reason.TOKEN_MISSING: Shape(422, "token missing"),
    Reason.TOKEN_UNKNOWN: Shape(401, "invalid"),
    Reason.TOKEN_EXPIRED: Shape(401, "invalid"),
    Reason.CREDENTIAL_WRONG: Shape(401, "invalid"),
    Reason.CHALLENGE_INVALID: Shape(401, "invalid"),
    Reason.UNAVAILABLE: Shape(500, "storage unavailable"),  # section 4.1 fixes 500 here, not 503
    Reason.INTERNAL: Shape(500, "internal error"),
}

# App.net style: every call with a token. A token that is no good for any reason is 401, or clients keep it for ever.
APPNET_SHAPES: Mapping[Reason, Shape] = {
    **_REQUEST,
    Reason.FIELD_INVALID: Shape(400, "{field} invalid"),
    Reason.FIELD_TYPE: Shape(400, "{field} invalid"),
    Reason.FIELD_MISSING: Shape(400, "{field} missing"),
    Reason.NOT_ADMITTED: Shape(401, _BAD_TOKEN),
    Reason.ACCOUNT_LOCKED: Shape(401, _BAD_TOKEN),
    Reason.ACCOUNT_SUSPENDED: Shape(401, _BAD_TOKEN),
    Reason.ACCOUNT_DEACTIVATED: Shape(401, _BAD_TOKEN),
    Reason.REGISTRATION_CLOSED: Shape(401, _BAD_TOKEN),
    Reason.TOKEN_MISSING: Shape(401, "Authorization required"),
    Reason.TOKEN_UNKNOWN: Shape(401, _BAD_TOKEN),
    Reason.TOKEN_EXPIRED: Shape(401, _BAD_TOKEN),
    Reason.CREDENTIAL_WRONG: Shape(401, _BAD_TOKEN),
    Reason.CHALLENGE_INVALID: Shape(401, _BAD_TOKEN),
    Reason.FORBIDDEN: Shape(401, "Call requires moderation: Moderation required for this endpoint."),
    Reason.UNAVAILABLE: Shape(503, "storage unavailable"),
    Reason.INTERNAL: Shape(500, "Internal Server Error"),
}

_NO_STORE = {"Cache-Control": "no-store"}

PLAIN = Wire(PLAIN_SHAPES, _plain, CORS, _NO_STORE, preflight_status=200)
APPNET = Wire(APPNET_SHAPES, _appnet, CORS, _NO_STORE, preflight_status=200)
PROFILE = Wire(APPNET_SHAPES, _need_token, CORS, _NO_STORE, preflight_status=200)
TOKEN = Wire(
    {**APPNET_SHAPES, Reason.TOKEN_MISSING: Shape(401, _BAD_TOKEN)},
    _appnet,
    CORS,
    _NO_STORE,
    preflight_status=200,
)
MODERATION = Wire(
    {
        **APPNET_SHAPES,
        # These three are plain in the original's moderation dialect (section 6.3).
        Reason.NOT_FOUND: Shape(410, "user id not found", {"plain": True}),
        Reason.FIELD_INVALID: Shape(422, "{field} invalid", {"plain": True}),
        Reason.FIELD_TYPE: Shape(422, "{field} invalid", {"plain": True}),
        Reason.FIELD_MISSING: Shape(400, "id not a valid number", {"plain": True}),
    },
    lambda shape, text, refusal: (_plain if shape.extra.get("plain") else _appnet)(shape, text, refusal),
    CORS,
    _NO_STORE,
    preflight_status=200,
)
