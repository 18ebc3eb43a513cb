"""The two JWTs of this door, each with keys and a `typ` of its own (laverna.md §3, §4; R28, `accounts.key_rings`).

A session token is the challenge: stateless until it is used. An auth token is a row of the token store as well, which
is what makes it revocable; its signature keeps forged ones away from the database.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from rest_framework_simplejwt.exceptions import TokenBackendError

from accounts import clock, key_rings

_SESSION, _AUTH = "openpgp-session", "openpgp-auth"
_LONGEST = 2048  # characters of a token of ours; names have 255 at the most


@dataclass(frozen=True, slots=True)
class Session:
    """A session token that is ours and whose time is not over. `iat` and `exp` are unix seconds."""

    username: str
    jti: str
    iat: int
    exp: int


@dataclass(frozen=True, slots=True)
class Auth:
    """An auth token that is ours and whose time is not over. `fingerprint` is of the key that opened it."""

    username: str
    fingerprint: str
    jti: str
    iat: int
    exp: int


def session_text(username: str, *, lifetime: int) -> str:
    """A challenge for this user that is good for `lifetime` seconds; nothing is stored."""
    return _signed(_SESSION, {"sessionTokenFor": username}, lifetime=lifetime)[0]


def read_session(text: object) -> Session | None:
    """The challenge in a text; None when it is none, not ours, or over."""
    payload = _read(_SESSION, text, ("sessionTokenFor", "jti"))
    if payload is None:
        return None
    return Session(payload["sessionTokenFor"], payload["jti"], payload["iat"], payload["exp"])


def auth_text(username: str, fingerprint: str, *, lifetime: int) -> tuple[str, Auth]:
    """What a login gives: a token good for `lifetime` seconds, and its claims."""
    named = {"loggedInAs": username, "fingerprint": fingerprint}
    text, payload = _signed(_AUTH, named, lifetime=lifetime)
    return text, _auth(payload)


def read_auth(text: object) -> Auth | None:
    """The claims of an auth token; None when the text is none, not ours, or over. Whether it lives, the store knows."""
    payload = _read(_AUTH, text, ("loggedInAs", "fingerprint", "jti"))
    return None if payload is None else _auth(payload)


def _auth(payload: dict[str, Any]) -> Auth:
    return Auth(payload["loggedInAs"], payload["fingerprint"], payload["jti"], payload["iat"], payload["exp"])


def _signed(purpose: str, named: dict[str, str], *, lifetime: int) -> tuple[str, dict[str, Any]]:
    now = int(clock.now().timestamp())
    payload = {**named, "iat": now, "exp": now + lifetime, "jti": secrets.token_hex(16)}
    return key_rings.ring(purpose, claims=True).encode(payload), payload


def _read(purpose: str, text: object, texts: tuple[str, ...]) -> dict[str, Any] | None:
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        payload = key_rings.ring(purpose, claims=True).decode(text)
    except TokenBackendError:
        return None
    if not all(type(payload.get(name)) is str for name in texts):
        return None
    if type(payload.get("iat")) is not int or type(payload.get("exp")) is not int:
        return None
    return payload if payload["exp"] > clock.now().timestamp() else None
