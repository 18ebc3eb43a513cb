"""The error form of the paths below `/api/` (laverna.md §1; one-origin.md §1). Pure."""

from collections.abc import Mapping
from typing import Any

from accounts.errors import Reason, Refusal
from accounts.wire import Shape, Wire

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization",
}

SHAPES: Mapping[Reason, Shape] = {
    Reason.MALFORMED: Shape(400, "The request cannot be read"),
    Reason.FIELD_MISSING: Shape(400, "Missing: {field}"),
    Reason.FIELD_INVALID: Shape(400, "Not acceptable: {field}"),
    Reason.FIELD_TYPE: Shape(400, "Not acceptable: {field}"),
    Reason.PATH_UNKNOWN: Shape(404, "Not Found"),
    Reason.METHOD_NOT_ALLOWED: Shape(405, "Method Not Allowed"),
    Reason.TOO_LARGE: Shape(413, "The request is too large"),
    Reason.UNSUPPORTED_MEDIA: Shape(415, "Unsupported content type"),
    Reason.NOT_ADMITTED: Shape(400, "Not allowed"),
    Reason.TOKEN_MISSING: Shape(401, "Missing token"),
    Reason.TOKEN_UNKNOWN: Shape(401, "Unknown token"),
    Reason.TOKEN_EXPIRED: Shape(401, "Unknown token"),
    Reason.CREDENTIAL_WRONG: Shape(401, "Not allowed"),
    Reason.CHALLENGE_INVALID: Shape(400, "Unknown, expired or used"),
    Reason.FORBIDDEN: Shape(403, "Not allowed"),
    Reason.ACCOUNT_LOCKED: Shape(401, "Not allowed"),
    Reason.ACCOUNT_SUSPENDED: Shape(403, "Not allowed"),
    Reason.ACCOUNT_DEACTIVATED: Shape(401, "Not allowed"),
    Reason.NOT_FOUND: Shape(404, "Not Found"),
    Reason.NAME_TAKEN: Shape(400, "That name is taken"),
    Reason.NAME_INVALID: Shape(400, "That name cannot be used"),
    Reason.NAME_RESERVED: Shape(400, "That name is reserved"),
    Reason.CREDENTIAL_TAKEN: Shape(400, "That key belongs to an account already"),
    Reason.LAST_CREDENTIAL: Shape(400, "Nothing else opens this account"),
    Reason.PASSWORD_WEAK: Shape(400, "That password is too weak"),
    Reason.REGISTRATION_CLOSED: Shape(400, "Registration is closed"),
    Reason.RATE_LIMITED: Shape(429, "Too many requests"),
    Reason.OVERLOADED: Shape(503, "Busy, try again"),
    Reason.UNAVAILABLE: Shape(503, "Not available at the moment"),
    Reason.INTERNAL: Shape(500, "Internal server error"),
}


def _render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    return {"message": text}


WIRE = Wire(SHAPES, _render, CORS, {"Cache-Control": "no-store"})
