"""The error form of OAuth (RFC 6749 §5.2), for every flow that errs in it (R2; one-origin.md §1). Pure."""

from collections.abc import Mapping
from typing import Any

from accounts.errors import Reason, Refusal
from accounts.wire import Shape


def shape(status: int, error: str, text: str) -> Shape:
    """The wire form of one reason: `error` is the code of RFC 6749 or RFC 6750, the text its description."""
    return Shape(status, text, {"error": error})


def render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    """The body of an error."""
    return {**shape.extra, "error_description": text}


SHAPES: Mapping[Reason, Shape] = {
    Reason.MALFORMED: shape(400, "invalid_request", "The request cannot be read"),
    Reason.FIELD_MISSING: shape(400, "invalid_request", "Missing: {field}"),
    Reason.FIELD_INVALID: shape(400, "invalid_request", "Not acceptable: {field}"),
    Reason.FIELD_TYPE: shape(400, "invalid_request", "Not acceptable: {field}"),
    Reason.PATH_UNKNOWN: shape(404, "invalid_request", "Unknown path"),
    Reason.METHOD_NOT_ALLOWED: shape(405, "invalid_request", "Method not allowed"),
    Reason.TOO_LARGE: shape(413, "invalid_request", "The request is too large"),
    Reason.UNSUPPORTED_MEDIA: shape(415, "invalid_request", "Unsupported content type"),
    Reason.NOT_ADMITTED: shape(400, "invalid_grant", "Not allowed"),
    Reason.TOKEN_MISSING: shape(401, "invalid_token", "Missing access token"),
    Reason.TOKEN_UNKNOWN: shape(401, "invalid_token", "Unknown access token"),
    Reason.TOKEN_EXPIRED: shape(401, "invalid_token", "Unknown access token"),
    Reason.CREDENTIAL_WRONG: shape(401, "invalid_client", "Client authentication failed"),
    Reason.CHALLENGE_INVALID: shape(400, "invalid_grant", "Unknown, expired or used"),
    Reason.FORBIDDEN: shape(403, "access_denied", "Not allowed"),
    Reason.ACCOUNT_LOCKED: shape(400, "invalid_grant", "Not allowed"),
    Reason.ACCOUNT_SUSPENDED: shape(400, "invalid_grant", "Not allowed"),
    Reason.ACCOUNT_DEACTIVATED: shape(400, "invalid_grant", "Not allowed"),
    Reason.NOT_FOUND: shape(404, "invalid_request", "Not found"),
    Reason.NAME_TAKEN: shape(400, "invalid_request", "That name is taken"),
    Reason.NAME_INVALID: shape(400, "invalid_request", "That name cannot be used"),
    Reason.NAME_RESERVED: shape(400, "invalid_request", "That name is reserved"),
    Reason.CREDENTIAL_TAKEN: shape(400, "invalid_request", "That belongs to an account already"),
    Reason.LAST_CREDENTIAL: shape(400, "invalid_request", "Nothing else opens this account"),
    Reason.PASSWORD_WEAK: shape(400, "invalid_request", "That password is too weak"),
    Reason.REGISTRATION_CLOSED: shape(403, "access_denied", "Registration is closed"),
    Reason.RATE_LIMITED: shape(429, "temporarily_unavailable", "Too many requests"),
    Reason.OVERLOADED: shape(503, "temporarily_unavailable", "Busy, try again"),
    Reason.UNAVAILABLE: shape(503, "temporarily_unavailable", "Not available at the moment"),
    Reason.INTERNAL: shape(500, "server_error", "Internal server error"),
}

# A grant that is no good for whatever reason, at an endpoint that takes a grant and no Bearer (RFC 6749 §5.2).
_BAD_GRANT = shape(400, "invalid_grant", "Unknown, expired or used")
GRANT_SHAPES: Mapping[Reason, Shape] = {
    **SHAPES,
    **dict.fromkeys((Reason.TOKEN_MISSING, Reason.TOKEN_UNKNOWN, Reason.TOKEN_EXPIRED, Reason.FORBIDDEN), _BAD_GRANT),
}

# A Bearer that opens nothing, for whatever reason, at a protected resource (RFC 6750 §3.1).
_BAD_BEARER = shape(401, "invalid_token", "Unknown access token")
RESOURCE_SHAPES: Mapping[Reason, Shape] = {
    **SHAPES,
    **dict.fromkeys(
        (Reason.NOT_ADMITTED, Reason.ACCOUNT_LOCKED, Reason.ACCOUNT_SUSPENDED, Reason.ACCOUNT_DEACTIVATED), _BAD_BEARER
    ),
    Reason.FORBIDDEN: shape(403, "insufficient_scope", "This token does not open that"),
}
