"""The error form of all Matrix paths (matrix.md §1, §2). Pure."""

import math
from collections.abc import Mapping
from typing import Any

from accounts.errors import Reason, Refusal
from accounts.wire import Shape, Wire

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization, Date",
    "Access-Control-Expose-Headers": "Retry-After",
}


def _shape(status: int, errcode: str, text: str, **more: Any) -> Shape:
    return Shape(status, text, {"errcode": errcode, **more})


SHAPES: Mapping[Reason, Shape] = {
    Reason.MALFORMED: _shape(400, "M_NOT_JSON", "The body is not JSON"),
    Reason.FIELD_MISSING: _shape(400, "M_MISSING_PARAM", "Missing: {field}"),
    Reason.FIELD_TYPE: _shape(400, "M_BAD_JSON", "Not of the right type: {field}"),
    Reason.FIELD_INVALID: _shape(400, "M_INVALID_PARAM", "Not acceptable: {field}"),
    Reason.PATH_UNKNOWN: _shape(404, "M_UNRECOGNIZED", "Unrecognized request"),
    Reason.METHOD_NOT_ALLOWED: _shape(405, "M_UNRECOGNIZED", "Unrecognized request"),
    Reason.TOO_LARGE: _shape(413, "M_TOO_LARGE", "The request is too large"),
    Reason.UNSUPPORTED_MEDIA: _shape(415, "M_UNRECOGNIZED", "Unsupported content type"),
    Reason.NOT_ADMITTED: _shape(403, "M_FORBIDDEN", "Not allowed"),
    Reason.TOKEN_MISSING: _shape(401, "M_MISSING_TOKEN", "Missing access token"),
    Reason.TOKEN_UNKNOWN: _shape(401, "M_UNKNOWN_TOKEN", "Unknown token", soft_logout=False),
    Reason.TOKEN_EXPIRED: _shape(401, "M_UNKNOWN_TOKEN", "The token has expired", soft_logout=True),
    Reason.CREDENTIAL_WRONG: _shape(403, "M_FORBIDDEN", "Invalid username or password"),
    Reason.CHALLENGE_INVALID: _shape(403, "M_FORBIDDEN", "Invalid or used"),
    Reason.FORBIDDEN: _shape(403, "M_FORBIDDEN", "Not allowed"),
    Reason.ACCOUNT_LOCKED: _shape(401, "M_USER_LOCKED", "This account is locked", soft_logout=True),
    Reason.ACCOUNT_SUSPENDED: _shape(403, "M_USER_SUSPENDED", "This account is suspended"),
    Reason.ACCOUNT_DEACTIVATED: _shape(403, "M_USER_DEACTIVATED", "This account is deactivated"),
    Reason.NOT_FOUND: _shape(404, "M_NOT_FOUND", "Not found"),
    Reason.NAME_TAKEN: _shape(400, "M_USER_IN_USE", "That name is taken"),
    Reason.NAME_INVALID: _shape(400, "M_INVALID_USERNAME", "That name cannot be used"),
    Reason.NAME_RESERVED: _shape(400, "M_EXCLUSIVE", "That name is reserved"),
    Reason.CREDENTIAL_TAKEN: _shape(400, "M_THREEPID_IN_USE", "That belongs to an account already"),
    Reason.LAST_CREDENTIAL: _shape(403, "M_FORBIDDEN", "Nothing else opens this account"),
    Reason.PASSWORD_WEAK: _shape(400, "M_WEAK_PASSWORD", "That password is too weak"),
    Reason.REGISTRATION_CLOSED: _shape(403, "M_FORBIDDEN", "Registration is closed"),
    Reason.RATE_LIMITED: _shape(429, "M_LIMIT_EXCEEDED", "Too many requests"),
    Reason.OVERLOADED: _shape(503, "M_UNKNOWN", "Busy, try again"),
    Reason.UNAVAILABLE: _shape(503, "M_UNKNOWN", "Not available at the moment"),
    Reason.INTERNAL: _shape(500, "M_UNKNOWN", "Internal server error"),
}


# What the specification names more exactly for one part of a request.
NARROWER: Mapping[tuple[Reason, str], Shape] = {
    (Reason.MALFORMED, "http"): _shape(400, "M_UNKNOWN", "Bad Request"),
    (Reason.FIELD_TYPE, "body"): _shape(400, "M_BAD_JSON", "The body is not a JSON object"),
    (Reason.FIELD_INVALID, "type"): _shape(400, "M_UNKNOWN", "Unknown login type"),
    (Reason.FIELD_INVALID, "type of application services"): _shape(
        400, "M_APPSERVICE_LOGIN_UNSUPPORTED", "Application services do not log in here"
    ),
    (Reason.FIELD_INVALID, "identifier"): _shape(400, "M_UNKNOWN", "Unknown kind of identifier"),
    (Reason.FIELD_INVALID, "kind"): _shape(400, "M_UNRECOGNIZED", "Unknown kind of account"),
    (Reason.FIELD_INVALID, "medium"): _shape(400, "M_THREEPID_MEDIUM_NOT_SUPPORTED", "Only e-mail addresses"),
    (Reason.FIELD_INVALID, "id_server"): _shape(400, "M_SERVER_NOT_TRUSTED", "No identity server is used here"),
    (Reason.CHALLENGE_INVALID, "session"): _shape(400, "M_UNKNOWN", "Unknown session"),
    (Reason.CHALLENGE_INVALID, "operation"): _shape(403, "M_UNKNOWN", "The session was opened for something else"),
    (Reason.CHALLENGE_INVALID, "sid"): _shape(400, "M_THREEPID_AUTH_FAILED", "The address is not confirmed"),
    (Reason.NOT_FOUND, "email"): _shape(400, "M_THREEPID_NOT_FOUND", "No account has that address"),
    (Reason.NOT_ADMITTED, "email"): _shape(403, "M_THREEPID_DENIED", "That address is not accepted here"),
    (Reason.FORBIDDEN, "oauth"): _shape(403, "M_FORBIDDEN", "Do this on the account page"),
    (Reason.FORBIDDEN, "guest"): _shape(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests are not admitted here"),
    (Reason.FORBIDDEN, "device_id"): _shape(403, "M_USER_LIMIT_EXCEEDED", "The account has as many devices as it may"),
    (Reason.OVERLOADED, "password"): _shape(429, "M_LIMIT_EXCEEDED", "Too many requests"),  # matrix.md §15
    (Reason.TOO_LARGE, "display_name"): _shape(400, "M_TOO_LARGE", "The name is too long"),
}


def _render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    body = {**shape.extra, "error": text}
    if shape.extra["errcode"] == "M_LIMIT_EXCEEDED":
        body["retry_after_ms"] = max(1, math.ceil((refusal.retry_after or 1) * 1000))
    elif shape.extra["errcode"] == "M_USER_LIMIT_EXCEEDED":
        body |= {"info_uri": refusal.detail, "can_upgrade": False}
    elif refusal.detail and (refusal.reason is Reason.PASSWORD_WEAK or refusal.field == "oauth"):
        body["error"] = f"{text}: {refusal.detail}"
    return body


NO_STORE = {"Cache-Control": "no-cache, no-store, must-revalidate"}
WIRE = Wire(SHAPES, _render, CORS, NO_STORE, narrower=NARROWER)

# `tokenrefresh` of 2015 answered a bad token so (section 8).
TOKENREFRESH_WIRE = Wire(
    {**SHAPES, **dict.fromkeys((Reason.TOKEN_UNKNOWN, Reason.TOKEN_EXPIRED), SHAPES[Reason.FORBIDDEN])},
    _render,
    CORS,
    NO_STORE,
    narrower=NARROWER,
)
