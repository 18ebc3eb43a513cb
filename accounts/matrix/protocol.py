"""The error form of all Matrix paths (matrix.md §1, §2). Pure."""

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
    Reason.FIELD_INVALID: _shape(400, "M_INVALID_PARAM", "Not acceptable: {field}"),
    Reason.PATH_UNKNOWN: _shape(404, "M_UNRECOGNIZED", "Unrecognized request"),
    Reason.METHOD_NOT_ALLOWED: _shape(405, "M_UNRECOGNIZED", "Unrecognized request"),
    Reason.TOO_LARGE: _shape(413, "M_TOO_LARGE", "The request is too large"),
    Reason.UNSUPPORTED_MEDIA: _shape(415, "M_UNRECOGNIZED", "Unsupported content type"),
    Reason.NOT_ADMITTED: _shape(403, "M_FORBIDDEN", "Not allowed"),
    Reason.TOKEN_MISSING: _shape(401, "M_MISSING_TOKEN", "Missing access token"),
    Reason.TOKEN_UNKNOWN: _shape(401, "M_UNKNOWN_TOKEN", "Unknown access token"),
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


def _render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    body = {**shape.extra, "error": text}
    if refusal.reason is Reason.RATE_LIMITED:
        body["retry_after_ms"] = int((refusal.retry_after or 1) * 1000)
    return body


WIRE = Wire(SHAPES, _render, CORS, {"Cache-Control": "no-cache, no-store, must-revalidate"})
