"""The three JWTs of this door: a class and a key for each purpose (R28, R31; `accounts.key_rings`).

The login token carries the names of the seed and no other (websocket-otp.md §2): its purpose stands in the header.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token as SimpleToken

from accounts import clock, key_rings
from accounts.models import User


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


class LoginToken(SimpleToken):
    """The token of steps 1 to 3; clients treat it as opaque."""

    token_type = "otp-login"
    lifetime = timedelta(0)

    def get_token_backend(self) -> TokenBackend:
        """The ring of this purpose."""
        return key_rings.ring(self.token_type, claims=False)

    def verify(self) -> None:
        """The names of the seed and no other. Whether its time is over is the table's business."""
        if self.payload.keys() != _NAMES or type(self.payload["exp"]) is not int:
            raise TokenError("another payload")


class _PairToken(SimpleToken):
    """One of the two ordinary tokens that a sign-in gives; `typ` tells which."""

    lifetime = timedelta(0)

    def get_token_backend(self) -> TokenBackend:
        """The ring of this purpose."""
        return key_rings.ring(f"otp-{self.token_type}", claims=True)

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
