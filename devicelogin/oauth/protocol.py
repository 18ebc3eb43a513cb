"""The error form of all OAuth paths: RFC 6749 §5.2 (R2). Pure."""

from collections.abc import Mapping
from typing import Any

from accounts.errors import Reason, Refusal
from accounts.wire import Shape, Wire

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
}


def _shape(status: int, error: str, text: str) -> Shape:
    return Shape(status, text, {"error": error})


SHAPES: Mapping[Reason, Shape] = {
    Reason.MALFORMED: _shape(400, "invalid_request", "The request cannot be read"),
    Reason.FIELD_MISSING: _shape(400, "invalid_request", "Missing: {field}"),
    Reason.FIELD_INVALID: _shape(400, "invalid_request", "Not acceptable: {field}"),
    Reason.FIELD_TYPE: _shape(400, "invalid_request", "Not acceptable: {field}"),
    Reason.PATH_UNKNOWN: _shape(404, "invalid_request", "Unknown path"),
    Reason.METHOD_NOT_ALLOWED: _shape(405, "invalid_request", "Method not allowed"),
    Reason.TOO_LARGE: _shape(413, "invalid_request", "The request is too large"),
    Reason.UNSUPPORTED_MEDIA: _shape(415, "invalid_request", "Unsupported content type"),
    Reason.NOT_ADMITTED: _shape(400, "invalid_grant", "Not allowed"),
    Reason.TOKEN_MISSING: _shape(401, "invalid_token", "Missing access token"),
    Reason.TOKEN_UNKNOWN: _shape(401, "invalid_token", "Unknown access token"),
    Reason.TOKEN_EXPIRED: _shape(401, "invalid_token", "Unknown access token"),
    Reason.CREDENTIAL_WRONG: _shape(401, "invalid_client", "Client authentication failed"),
    Reason.CHALLENGE_INVALID: _shape(400, "invalid_grant", "Unknown, expired or used"),
    Reason.FORBIDDEN: _shape(403, "access_denied", "Not allowed"),
    Reason.ACCOUNT_LOCKED: _shape(400, "invalid_grant", "Not allowed"),
    Reason.ACCOUNT_SUSPENDED: _shape(400, "invalid_grant", "Not allowed"),
    Reason.ACCOUNT_DEACTIVATED: _shape(400, "invalid_grant", "Not allowed"),
    Reason.NOT_FOUND: _shape(404, "invalid_request", "Not found"),
    Reason.NAME_TAKEN: _shape(400, "invalid_request", "That name is taken"),
    Reason.NAME_INVALID: _shape(400, "invalid_request", "That name cannot be used"),
    Reason.NAME_RESERVED: _shape(400, "invalid_request", "That name is reserved"),
    Reason.CREDENTIAL_TAKEN: _shape(400, "invalid_request", "That belongs to an account already"),
    Reason.LAST_CREDENTIAL: _shape(400, "invalid_request", "Nothing else opens this account"),
    Reason.PASSWORD_WEAK: _shape(400, "invalid_request", "That password is too weak"),
    Reason.REGISTRATION_CLOSED: _shape(403, "access_denied", "Registration is closed"),
    Reason.RATE_LIMITED: _shape(429, "temporarily_unavailable", "Too many requests"),
    Reason.OVERLOADED: _shape(503, "temporarily_unavailable", "Busy, try again"),
    Reason.UNAVAILABLE: _shape(503, "temporarily_unavailable", "Not available at the moment"),
    Reason.INTERNAL: _shape(500, "server_error", "Internal server error"),
}


def _render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    return {**shape.extra, "error_description": text}


WIRE = Wire(SHAPES, _render, CORS, {"Cache-Control": "no-store"})
