"""The wire of the paths below `/api/`: bodies in both forms, names in paths, errors (laverna.md §1–4). Pure."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from accounts import strict_json
from accounts.errors import Reason, Refusal
from accounts.wire import Shape, Wire

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
    "Access-Control-Expose-Headers": "Retry-After",
}
NO_STORE = {"Cache-Control": "no-store"}

TOKENS, TOKENS_NAMED = "/api/token/", "/api/token/username/"
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100
_UNSTORABLE = re.compile("[\ud800-\udfff\x00]")
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1024}")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_CHOOSABLE = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}")


class Explained(Refusal):
    """A refusal with a sentence for the person at the setup screen; it holds nothing of what was sent."""

    def __init__(self, reason: Reason, words: str, *, field: str = "", detail: str = "") -> None:
        super().__init__(reason, field=field, detail=detail)
        self.words = words


SHAPES: Mapping[Reason, Shape] = {
    Reason.MALFORMED: Shape(400, "The request cannot be read"),
    Reason.FIELD_MISSING: Shape(400, "Missing: {field}"),
    Reason.FIELD_INVALID: Shape(400, "Not acceptable: {field}"),
    Reason.FIELD_TYPE: Shape(400, "Not acceptable: {field}"),
    Reason.PATH_UNKNOWN: Shape(404, "Not Found"),
    Reason.METHOD_NOT_ALLOWED: Shape(405, "Method Not Allowed"),
    Reason.TOO_LARGE: Shape(413, "The request is too large"),
    Reason.UNSUPPORTED_MEDIA: Shape(415, "Unsupported content type"),
    Reason.NOT_ADMITTED: Shape(400, "This server does not accept that name, key or address"),
    Reason.TOKEN_MISSING: Shape(401, "Missing token"),
    Reason.TOKEN_UNKNOWN: Shape(401, "Unknown token"),
    Reason.TOKEN_EXPIRED: Shape(401, "Unknown token"),
    Reason.CREDENTIAL_WRONG: Shape(401, "Invalid signature"),
    Reason.CHALLENGE_INVALID: Shape(401, "Invalid signature"),
    Reason.FORBIDDEN: Shape(403, "Not allowed"),
    Reason.ACCOUNT_LOCKED: Shape(401, "Not allowed"),
    Reason.ACCOUNT_SUSPENDED: Shape(403, "Not allowed"),
    Reason.ACCOUNT_DEACTIVATED: Shape(401, "Not allowed"),
    Reason.NOT_FOUND: Shape(404, "Not Found"),
    Reason.NAME_TAKEN: Shape(400, "That name is taken"),
    Reason.NAME_INVALID: Shape(400, "That name cannot be used: 1 to 64 of a-z 0-9 . _ + -, and not only digits"),
    Reason.NAME_RESERVED: Shape(400, "That name is reserved"),
    Reason.CREDENTIAL_TAKEN: Shape(400, "That key belongs to an account already"),
    Reason.LAST_CREDENTIAL: Shape(400, "Nothing else opens this account"),
    Reason.PASSWORD_WEAK: Shape(400, "That password is too weak"),
    Reason.REGISTRATION_CLOSED: Shape(400, "Registration is closed on this server"),
    Reason.RATE_LIMITED: Shape(429, "Too many requests, try again later"),
    Reason.OVERLOADED: Shape(503, "Busy, try again"),
    Reason.UNAVAILABLE: Shape(503, "Not available at the moment"),
    Reason.INTERNAL: Shape(500, "Internal server error"),
}

_REFUSED = Shape(200, "Invalid signature")
_KEPT = frozenset(  # not about who signs in, so told by status as everywhere
    {
        Reason.PATH_UNKNOWN,
        Reason.METHOD_NOT_ALLOWED,
        Reason.TOO_LARGE,
        Reason.RATE_LIMITED,
        Reason.OVERLOADED,
        Reason.UNAVAILABLE,
        Reason.INTERNAL,
    }
)
_SIGN_IN_SHAPES: Mapping[Reason, Shape] = {
    reason: SHAPES[reason] if reason in _KEPT else _REFUSED for reason in SHAPES
} | {Reason.NOT_FOUND: Shape(200, "User not found")}


def _render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    return {"message": refusal.words if isinstance(refusal, Explained) else text}


def _render_sign_in(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    return {"success": False, "message": text}


WIRE = Wire(SHAPES, _render, CORS, NO_STORE)
SIGN_IN = Wire(
    _SIGN_IN_SHAPES,
    _render_sign_in,
    CORS,
    NO_STORE,
    narrower={(Reason.FIELD_INVALID, "fingerprint"): Shape(200, "Wrong fingerprint")},
)


def parse_fields(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The members of a body, form-encoded or else a JSON object; an empty body has none. MALFORMED.

    A member of a form that is there twice is no text any more, but a list.
    """
    if not body.strip():
        return {}
    if content_type.partition(";")[0].strip().lower() == _FORM:
        return _form(body)
    fields = strict_json.parse(body)
    if not isinstance(fields, dict):
        raise Refusal(Reason.MALFORMED, detail="no object")
    return fields


def text(fields: Mapping[str, Any], name: str) -> str:
    """A member that has to be a text and not empty; FIELD_MISSING or FIELD_TYPE."""
    value = fields.get(name)
    if value is None or value == "":
        raise Refusal(Reason.FIELD_MISSING, field=name)
    if not isinstance(value, str):
        raise Refusal(Reason.FIELD_TYPE, field=name)
    return value


def new_name(username: str) -> str:
    """The name as it is stored; NAME_INVALID for one that nobody may choose at this door (section 2).

    ASCII before it is folded: some other letters have an ASCII one for their lower case.
    """
    folded = username.lower() if username.isascii() else ""
    if not _CHOOSABLE.fullmatch(folded):
        raise Refusal(Reason.NAME_INVALID, field="username")
    return folded


def fingerprint(value: str) -> str:
    """A fingerprint as it is stored: 40 or 64 lower-case hex digits; "" for anything else."""
    return value.lower() if _FINGERPRINT.fullmatch(value) else ""


def last_part(raw_path: str, prefix: str) -> str:
    """What a percent-encoded path holds after the prefix, decoded; PATH_UNKNOWN unless it is one whole part."""
    part = raw_path.removeprefix(prefix)
    if part == raw_path or not part or "/" in part:
        raise Refusal(Reason.PATH_UNKNOWN)
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise Refusal(Reason.NOT_FOUND) from None


def token_name(raw_path: str) -> str:
    """Whose session token a path asks for: `/api/token/NAME` or `/api/token/username/NAME`; `username` alone is a name
    (section 3). PATH_UNKNOWN."""
    return last_part(raw_path, TOKENS_NAMED if raw_path.startswith(TOKENS_NAMED) else TOKENS)


def requested_headers(value: str) -> Mapping[str, str]:
    """The header of a preflight's answer that allows what the browser asked for."""
    return {"Access-Control-Allow-Headers": value} if _HEADER_NAMES.fullmatch(value) else {}


def bearer_token(authorization: str) -> str:
    """The token of an Authorization header, "" without one."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _form(body: bytes) -> Mapping[str, Any]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, detail=type(error).__name__) from None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if _UNSTORABLE.search(name) or _UNSTORABLE.search(value):
            raise Refusal(Reason.MALFORMED, detail="not storable")
        fields[name] = [fields[name], value] if name in fields else value
    return fields
