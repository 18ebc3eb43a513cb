"""What a token is worth, told to servers (RFC 7662; matrix-oauth.md §6, §8)."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts import clock, minting, policy, quick_look, subjects, tokens
from accounts.errors import Reason, Refusal
from accounts.models import Flow, Token
from devicelogin.oauth import scopes, server, sessions
from devicelogin.oauth.protocol import required

INACTIVE: Mapping[str, Any] = {"active": False}
LEGACY = "legacy"  # the client_id of tokens of the Matrix login
_GUEST = "guest"
_FLOWS = (Flow.DEVICELOGIN, Flow.MATRIX)


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to tell of a live token."""

    flow: str
    client: str
    scope: str
    device_id: str | None
    username: str
    sub: str
    issued_at: datetime
    expires_at: datetime | None
    token_type: str = "access_token"


def is_homeserver(authorization: str) -> bool:
    """Whether the shared secret is presented; False without any bearer token, CREDENTIAL_WRONG for another one."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return False
    expected = settings.MATRIX_HOMESERVER_SECRET.encode()
    if not expected or not hmac.compare_digest(secret.strip().encode("utf-8", "surrogatepass"), expected):
        raise Refusal(Reason.CREDENTIAL_WRONG, field="caller")
    return True


def introspect(
    form: Mapping[str, str], *, authorization: str, beside_scope: bool
) -> tuple[Mapping[str, Any], float | None]:
    """What a server may know of a token, and for how many seconds that is true, None for long.

    `beside_scope`: the caller reads a device id beside the scope. CREDENTIAL_WRONG; FIELD_MISSING without `token`.
    """
    caller = "" if is_homeserver(authorization) else _program(form, authorization)
    found = _live(required(form, "token"), form.get("token_type_hint", ""), client_id=caller)
    if found is None:
        return INACTIVE, 0.0
    body = render(found, form["token"], beside_scope=beside_scope)
    return body, (found.expires_at - clock.now()).total_seconds() if found.expires_at else None


def render(shown: Shown, secret: str, *, beside_scope: bool) -> Mapping[str, Any]:
    """The body of the answer."""
    scope, device = _scope(shown, beside_scope=beside_scope)
    if scope is None:
        return INACTIVE
    issued = int(shown.issued_at.timestamp())
    body: dict[str, Any] = {
        "active": True,
        "scope": scope,
        "client_id": shown.client or LEGACY,
        "username": shown.username,
        "token_type": shown.token_type,
        "iat": issued,
        "nbf": issued,
        "sub": shown.sub,
        "jti": hashlib.sha256(b"jti" + secret.encode()).hexdigest()[:32],
    }
    if shown.expires_at is not None:
        body |= {"exp": int(shown.expires_at.timestamp()), "expires_in": sessions.expires_in(shown.expires_at)}
    return {**body, **device}


def quick(form: Mapping[str, str]) -> tuple[Shown, float | None] | None:
    """An access token by one read on the event loop; None where the ordinary way has to be taken."""
    secret = form.get("token", "")
    if _kind(secret, form.get("token_type_hint", "")) != Token.Kind.ACCESS:
        return None
    seen = quick_look.find(secret)
    if seen is None or seen.scope == _GUEST or seen.flow not in _FLOWS:
        return None
    expires_at = quick_look.moment_of(seen.expires_at) if seen.expires_at else None
    issued_at = quick_look.moment_of(seen.issued_at)
    shown = Shown(seen.flow, seen.client, seen.scope, seen.device_id, seen.username, seen.sub, issued_at, expires_at)
    return shown, (expires_at - clock.now()).total_seconds() if expires_at else None


def _program(form: Mapping[str, str], authorization: str) -> str:
    """The confidential program that asks; it hears of its own tokens only (R25)."""
    if not authorization and "client_secret" not in form:
        raise Refusal(Reason.CREDENTIAL_WRONG, field="caller")
    return server.authenticated(form, authorization=authorization, public=False).client_id


def _live(secret: str, hint: str, *, client_id: str) -> Shown | None:
    """The token if it is good for anything now; the first look of its homeserver counts as its first use."""
    kind = _kind(secret, hint)
    if kind is None:
        return None
    bearer = _bearer(secret, kind, client_id=client_id)
    if bearer is None or bearer.locked or bearer.scope == _GUEST or bearer.flow not in _FLOWS:
        return None
    if not policy.decide(bearer.flow, subjects.of_bearer(bearer, ip="")).admitted:
        return None
    return Shown(
        bearer.flow,
        bearer.client,
        bearer.scope,
        bearer.device_id,
        bearer.username,
        bearer.sub,
        bearer.issued_at,
        bearer.expires_at,
        f"{kind}_token",
    )


def _kind(secret: str, hint: str) -> str | None:
    """Whether the text is an access or a refresh token; None for neither, or another one than was hinted at."""
    access, refresh = Token.Kind.ACCESS, Token.Kind.REFRESH
    kinds = {minting.ACCESS: access, minting.REFRESH: refresh}
    kind = next((kind for prefix, kind in kinds.items() if minting.is_genuine(secret, prefix)), None)
    hinted = {"access_token": access, "refresh_token": refresh}.get(hint, kind)
    return kind if kind == hinted else None


def _bearer(secret: str, kind: str, *, client_id: str) -> tokens.Bearer | None:
    if kind == Token.Kind.REFRESH:
        found = (tokens.check(secret, flow=flow, kind=kind, confirms=False) for flow in _FLOWS)
        bearer = next((bearer for bearer in found if bearer is not None), None)
        if bearer is None or bearer.used_at is not None or (client_id and bearer.client != client_id):
            return None
        return bearer
    if client_id:
        seen = tokens.check_any(secret, ip="", confirms=False)
        if seen is None or seen.client != client_id:
            return None
    return tokens.check_any(secret, ip="")


def _scope(shown: Shown, *, beside_scope: bool) -> tuple[str | None, Mapping[str, Any]]:
    """Scope and, beside it, the device of a legacy token; None where the scope cannot say which device it is."""
    if shown.flow != Flow.MATRIX:
        return scopes.both_spellings(shown.scope), {}
    if beside_scope:
        return scopes.of_legacy(None), {"device_id": shown.device_id}
    device_id = shown.device_id or ""
    if not device_id or any(not "!" <= char <= "~" or char in '"\\' for char in device_id):
        return None, {}
    return scopes.of_legacy(device_id), {}
