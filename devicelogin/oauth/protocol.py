"""The wire of the OAuth paths: forms in, JSON and RFC 6749 §5.2 errors out (R2; matrix-oauth.md §4–6, §9). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from accounts.errors import Reason, Refusal
from accounts.oauth_errors import GRANT_SHAPES, RESOURCE_SHAPES, SHAPES, render, shape
from accounts.wire import Answer, Shape, Wire

CODE_GRANT, REFRESH_GRANT = "authorization_code", "refresh_token"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100  # R41

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate",
}
NO_STORE = {"Cache-Control": "no-store"}

# What these endpoints name more exactly: (reason, field).
NARROWER: Mapping[tuple[Reason, str], Shape] = {
    (Reason.CHALLENGE_INVALID, "authorization_pending"): shape(400, "authorization_pending", "Not decided yet"),
    (Reason.CHALLENGE_INVALID, "slow_down"): shape(400, "slow_down", "Ask five seconds later from now on"),
    (Reason.CHALLENGE_INVALID, "access_denied"): shape(400, "access_denied", "Refused"),
    (Reason.CHALLENGE_INVALID, "expired_token"): shape(400, "expired_token", "The device code has expired"),
    (Reason.FIELD_INVALID, "grant_type"): shape(400, "unsupported_grant_type", "No such grant type here"),
    (Reason.FORBIDDEN, "grant_type"): shape(400, "unauthorized_client", "The client did not register this grant type"),
    (Reason.FIELD_MISSING, "scope"): shape(400, "invalid_scope", "Missing: scope"),
    (Reason.FIELD_INVALID, "scope"): shape(400, "invalid_scope", "Unknown, malformed or contradictory scope"),
    (Reason.FORBIDDEN, "device_id"): shape(403, "invalid_scope", "The account has as many devices as it may"),
    (Reason.CREDENTIAL_WRONG, "caller"): shape(401, "access_denied", "Not the secret of this homeserver"),
    (Reason.RATE_LIMITED, "undecided"): shape(429, "temporarily_unavailable", "Too many requests wait for a decision"),
}
_METADATA = dict.fromkeys(
    (Reason.FIELD_TYPE, Reason.FIELD_INVALID), shape(400, "invalid_client_metadata", "Not acceptable: {field}")
)
REGISTRATION_SHAPES: Mapping[Reason, Shape] = {
    **SHAPES,
    **_METADATA,
    Reason.FIELD_MISSING: shape(400, "invalid_client_metadata", "Missing: {field}"),
    Reason.NOT_ADMITTED: shape(400, "invalid_client_metadata", "Clients of this host are not admitted here"),
}
_REDIRECT = shape(400, "invalid_redirect_uri", "Not acceptable: redirect_uris")

WIRE = Wire(SHAPES, render, CORS, NO_STORE, narrower=NARROWER)
TOKEN_WIRE = Wire(GRANT_SHAPES, render, CORS, NO_STORE, narrower=NARROWER)
REGISTRATION_WIRE = Wire(
    REGISTRATION_SHAPES,
    render,
    CORS,
    NO_STORE,
    narrower=dict.fromkeys(
        ((reason, "redirect_uris") for reason in (Reason.FIELD_INVALID, Reason.FIELD_MISSING, Reason.NOT_ADMITTED)),
        _REDIRECT,
    ),
)
INTROSPECTION_WIRE = Wire(SHAPES, render, {}, NO_STORE, narrower=NARROWER)  # for servers: no browser may ask
USERINFO_WIRE = Wire(RESOURCE_SHAPES, render, CORS, NO_STORE)


def parse_form(body: bytes, content_type: str) -> dict[str, str]:
    """The parameters of a form; one without a value counts as absent (RFC 6749 §3.2).

    MALFORMED for another media type, undecodable or unstorable text; FIELD_INVALID names a repeated parameter.
    """
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise Refusal(Reason.MALFORMED, detail="not a form")
    try:
        parts = [part.partition("=") for part in body.decode("ascii").split("&") if part]
        pairs = [(_decoded(name), _decoded(value)) for name, _, value in parts[: _MOST_FIELDS + 1]]
    except ValueError:
        raise Refusal(Reason.MALFORMED, detail="not a form") from None
    if len(pairs) > _MOST_FIELDS:
        raise Refusal(Reason.MALFORMED, detail="too many fields")
    found: dict[str, str] = {}
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise Refusal(Reason.MALFORMED, detail="NUL")
        if name in found:
            raise Refusal(Reason.FIELD_INVALID, field="a repeated parameter")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def _decoded(text: str) -> str:
    """As `urllib.parse.parse_qsl`, which takes five times as long for a poll; ValueError."""
    return unquote_plus(text, errors="strict") if "%" in text or "+" in text else text


def required(form: Mapping[str, str], name: str) -> str:
    """A parameter; FIELD_MISSING."""
    if name not in form:
        raise Refusal(Reason.FIELD_MISSING, field=name)
    return form[name]


@dataclass(frozen=True, slots=True)
class Issued:
    """What the token endpoint gives. `scope` is as it was asked for; `expires_in` in seconds."""

    access_token: str
    expires_in: int
    scope: str
    refresh_token: str = ""
    id_token: str = ""

    def render(self) -> dict[str, Any]:
        """The members of the answer (RFC 6749 §5.1)."""
        body: dict[str, Any] = {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
        }
        more = {"refresh_token": self.refresh_token, "id_token": self.id_token}
        return body | {name: value for name, value in more.items() if value}


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What the device authorization endpoint gives (RFC 8628 §3.2); seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int
    interval: int
    with_code: bool

    def render(self) -> dict[str, Any]:
        """The members of the answer; the link with the code only where the operator wants it."""
        body: dict[str, Any] = {
            "device_code": self.device_code,
            "user_code": self.user_code,
            "verification_uri": self.verification_uri,
            "expires_in": self.expires_in,
            "interval": self.interval,
        }
        if self.with_code:
            body["verification_uri_complete"] = f"{self.verification_uri}?code={self.user_code}"
        return body


def challenged(answer: Answer, scheme: str) -> Answer:
    """A 401 with the scheme that would be answered (RFC 6749 §5.2, RFC 6750 §3)."""
    if answer.status != 401 or not scheme:
        return answer
    return Answer(answer.status, answer.body, (*answer.headers, ("WWW-Authenticate", scheme)))
