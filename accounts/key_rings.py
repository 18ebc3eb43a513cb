"""Rings of keys for the JWTs of the doors: HS256 by djangorestframework-simplejwt, a key for each purpose (R28, R31).

A purpose is told by `typ` in the header and has keys of its own, derived from `SECRET_KEY` and its fallbacks: a token
of one purpose is no token of another, and a rotated key verifies until it leaves the fallbacks.
"""

import base64
import hmac
import json
import re
from functools import cache
from typing import Any

import jwt
from django.conf import settings
from jwt.types import Options
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError

_HS256 = "HS256"
# 32 bytes have 43 digits, the last with two idle bits: only one spelling of a signature is ours.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_NOT_TIME: Options = {"verify_exp": False, "verify_iat": False}  # our own clock decides, and an end may have passed


class _Utf8Encoder(json.JSONEncoder):
    """Texts as they are: escaped, a long browser name would not fit into a frame any more."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


class KeyRing(TokenBackend):
    """Signs with the current key and verifies with older ones too, told apart by `kid`.

    The header holds `alg`, `kid` and `typ` and nothing else, so that none is obeyed that names a key (`jku`, `x5u`).
    """

    def __init__(self, purpose: str, secrets_in_force: tuple[str, ...], *, claims: bool) -> None:
        here = str(settings.PUBLIC_URL)
        super().__init__(_HS256, issuer=here if claims else None, audience=f"{here}/api" if claims else None)
        self._type = f"{purpose}+jwt"
        self._keys = dict(derived(purpose, secret) for secret in secrets_in_force)
        self._current = next(iter(self._keys))

    def encode(self, payload: dict[str, Any]) -> str:
        """The signed text."""
        named = {"iss": self.issuer, "aud": self.audience} if self.issuer else {}
        headers = {"kid": self._current, "typ": self._type}
        key = self._keys[self._current]
        return jwt.encode({**payload, **named}, key, algorithm=_HS256, headers=headers, json_encoder=_Utf8Encoder)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """The payload of a text that is ours, be its time over or not; TokenBackendError otherwise."""
        try:
            if not _COMPACT.fullmatch(token):
                raise TokenBackendError("not compact")
            header = _header(token)
            key = self._keys.get(str(header.get("kid")))
            if key is None or header != {"alg": _HS256, "kid": header["kid"], "typ": self._type}:
                raise TokenBackendError("another header")
            return dict(
                jwt.decode(
                    token, key, algorithms=[_HS256], audience=self.audience, issuer=self.issuer, options=_NOT_TIME
                )
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise TokenBackendError("not ours") from error


def _header(token: str) -> dict[str, Any]:
    """What stands in front, before anything is verified; jwt's own way would take all of it apart for that."""
    first = token.partition(".")[0]
    header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    if not isinstance(header, dict):
        raise TokenBackendError("another header")
    return header


def ring(purpose: str, *, claims: bool) -> KeyRing:
    """The ring of a purpose under the keys in force; with `claims` its tokens name issuer and audience."""
    return _made_ring(purpose, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), settings.PUBLIC_URL, claims)


def derived(purpose: str, secret: str) -> tuple[str, bytes]:
    """The name by which a header may ask for a purpose's key, and the key."""
    key = hmac.digest(secret.encode(), f"latchkey jwt {purpose}".encode(), "sha256")
    return base64.urlsafe_b64encode(hmac.digest(key, b"kid", "sha256")[:9]).decode(), key


@cache
def _made_ring(purpose: str, secrets_in_force: tuple[str, ...], _public_url: str, claims: bool) -> KeyRing:
    return KeyRing(purpose, secrets_in_force, claims=claims)
