"""ID tokens: who signed in, for whom, when (OpenID Connect Core §2; matrix-oauth.md §4)."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from joserfc import jwt

from accounts import clock
from devicelogin.oauth import discovery, signing_keys


def make(*, sub: str, client_id: str, access_token: str, nonce: str, auth_time: int, amr: Sequence[str]) -> str:
    """A signed ID token for a program; moments are unix seconds."""
    now = int(clock.seconds() - clock.ahead())  # the program compares it with a clock of its own
    claims: dict[str, Any] = {
        "iss": discovery.issuer(),
        "sub": sub,
        "aud": client_id,
        "iat": now,
        "exp": now + settings.OAUTH_ID_TOKEN_LIFETIME,
        "auth_time": min(auth_time, now),
        "amr": list(amr),
        "at_hash": _half_hash(access_token),
    }
    kid, key = signing_keys.current()
    header = {"alg": "RS256", "kid": kid, "typ": "JWT"}
    return jwt.encode(header, claims | ({"nonce": nonce} if nonce else {}), key)


def _half_hash(text: str) -> str:
    """The left half of its SHA-256 (§3.1.3.6)."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")
