"""The three JWTs of this door: HS256 by djangorestframework-simplejwt, a class and a key for each purpose (R28, R31).

The login token carries the names of the seed and no other (websocket-otp.md §2): its purpose stands in the header.
"""

import base64
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import jwt
from django.conf import settings
from jwt.types import Options
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token as SimpleToken

from accounts import clock
from accounts.models import User

_HS256 = "HS256"
# 32 bytes have 43 digits, the last with two idle bits: only one spelling of a signature is ours.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_NOT_TIME: Options = {"verify_exp": False, "verify_iat": False}  # our own clock decides, and an end may have passed


@dataclass(frozen=True, slots=True)
class Login:
    """The payload of a login token. `iat` and `exp` are unix seconds, `nonce` is the key of the token's record."""

    email: str
    browser: str
    os: str
    ip: str
    nonce: str
    iat: int
    exp: int

    @property
    def client(self) -> tuple[str, str]:
        """Browser and system as the request said them."""
        return self.browser, self.os


_NAMES = frozenset(Login.__dataclass_fields__)


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
        self._keys = dict(_derived(purpose, secret) for secret in secrets_in_force)
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
            header = jwt.get_unverified_header(token)
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


class LoginToken(SimpleToken):
    """The token of steps 1 to 3; clients treat it as opaque."""

    token_type = "otp-login"
    lifetime = timedelta(0)

    def get_token_backend(self) -> TokenBackend:
        """The ring of this purpose."""
        return _ring(self.token_type, claims=False)

    def verify(self) -> None:
        """The names of the seed and no other. Whether its time is over is the table's business."""
        if self.payload.keys() != _NAMES or type(self.payload["exp"]) is not int:
            raise TokenError("another payload")


class _PairToken(SimpleToken):
    """One of the two ordinary tokens that a sign-in gives; `typ` tells which."""

    lifetime = timedelta(0)

    def get_token_backend(self) -> TokenBackend:
        """The ring of this purpose."""
        return _ring(f"otp-{self.token_type}", claims=True)

    def set_jti(self) -> None:
        """128 random bits."""
        self.payload["jti"] = secrets.token_hex(16)


class AccessToken(_PairToken):
    """Opens `/api/me`."""

    token_type = "access"


class RefreshToken(_PairToken):
    """Is exchanged at `/api/token/refresh`."""

    token_type = "refresh"


def login_text(login: Login) -> str:
    """The login token as it goes to the client."""
    token = LoginToken()
    token.payload = {name: getattr(login, name) for name in Login.__dataclass_fields__}
    return str(token)


def read_login(text: str) -> Login | None:
    """The payload of a login token that we signed, also after its end; None for everything else."""
    try:
        return Login(**LoginToken(text).payload)  # type: ignore[arg-type]  # simplejwt's stubs want a Token
    except TokenError:
        return None


def pair_text(kind: type[AccessToken] | type[RefreshToken], user: User, *, exp: int) -> str:
    """An access or refresh token of the account that ends at `exp`, unix seconds."""
    token = kind()
    token["sub"] = user.sub
    token["iat"], token["exp"] = int(clock.now().timestamp()), exp
    return str(token)


def is_genuine(text: str, kind: type[AccessToken] | type[RefreshToken]) -> bool:
    """Whether we signed this text as a token of this kind and its time is not over."""
    try:
        payload = kind(text).payload  # type: ignore[arg-type]  # as above
    except TokenError:
        return False
    return int(payload["exp"]) > clock.now().timestamp()


def _ring(purpose: str, *, claims: bool) -> KeyRing:
    return _made_ring(purpose, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), settings.PUBLIC_URL, claims)


@cache
def _made_ring(purpose: str, secrets_in_force: tuple[str, ...], _public_url: str, claims: bool) -> KeyRing:
    return KeyRing(purpose, secrets_in_force, claims=claims)


def _derived(purpose: str, secret: str) -> tuple[str, bytes]:
    """A key of its own for each purpose, and the name by which a header may ask for it."""
    key = hmac.digest(secret.encode(), f"latchkey jwt {purpose}".encode(), "sha256")
    return base64.urlsafe_b64encode(hmac.digest(key, b"kid", "sha256")[:9]).decode(), key
