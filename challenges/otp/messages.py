"""The two messages of the code door, as strangers send them (websocket-otp.md §2, §3). Pure."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from accounts.errors import Reason, Refusal

FAKE_CODE = "12345678"  # the constant of the historic client's third step
_WELL_FORMED = re.compile(r"[0-9]{4,10}")
_UNSTORABLE = re.compile("[\ud800-\udfff\x00]")
_MOST_CHARACTERS = {"email": 254, "password": 1024, "browser": 1024, "os": 1024}
_MOST_PASSWORD_BYTES = 1024
_LONGEST_NUMBER = 20  # digits
MOST_TOKEN = 16_384  # characters; a longer one does not fit into a frame


@dataclass(frozen=True, slots=True)
class Request:
    """`request_login_token`. `lifetime` is the wanted life in seconds, None where nothing usable was said."""

    email: str
    password: str
    browser: str
    os: str
    cancels_pending: bool
    lifetime: float | None

    @property
    def client(self) -> tuple[str, str]:
        """What is compared later."""
        return self.browser, self.os


class Code(Enum):
    """What kind of one-time password a confirmation brings."""

    FAKE = "fake"
    WELL_FORMED = "well-formed"
    MALFORMED = "malformed"  # missing, too


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`confirm_token`. Whatever is not a string counts as missing; a password that was sent counts as given."""

    otp: str
    token: str
    browser: str | None
    os: str | None
    password: str | None

    @property
    def code(self) -> Code:
        """The kind of the code (section 3, "Definitions")."""
        if self.otp == FAKE_CODE:
            return Code.FAKE
        return Code.WELL_FORMED if _WELL_FORMED.fullmatch(self.otp) else Code.MALFORMED

    @property
    def client(self) -> tuple[str, str] | None:
        """Browser and system; None when one of them is missing."""
        return None if self.browser is None or self.os is None else (self.browser, self.os)


def parse_request(data: object) -> Request:
    """MALFORMED, FIELD_MISSING, FIELD_TYPE, FIELD_INVALID: all are answered 1100."""
    if not isinstance(data, dict):
        raise Refusal(Reason.MALFORMED)
    texts = {name: _text(data, name, most) for name, most in _MOST_CHARACTERS.items()}
    if len(texts["password"].encode()) > _MOST_PASSWORD_BYTES:
        raise Refusal(Reason.FIELD_INVALID, field="password")
    for name in ("browser", "os"):
        if not texts[name]:
            raise Refusal(Reason.FIELD_MISSING, field=name)
    return Request(
        **texts,
        cancels_pending=data.get("remove") not in ("false", False),
        lifetime=_seconds(data.get("token_expiry")),
    )


def parse_confirmation(data: object) -> Confirmation:
    """Refuses nothing: the table of section 3 has a row for everything. What is no object has no member."""
    fields: dict[Any, Any] = data if isinstance(data, dict) else {}
    token = fields.get("token")
    password = fields.get("password")
    return Confirmation(
        otp=_string(fields.get("otp")) or "",
        token=token if isinstance(token, str) and len(token) <= MOST_TOKEN else "",
        browser=_string(fields.get("browser")),
        os=_string(fields.get("os")),
        password=None if password is None else _string(password) or "",
    )


def _text(data: dict[Any, Any], name: str, most: int) -> str:
    value = data.get(name)
    if value is None:
        raise Refusal(Reason.FIELD_MISSING, field=name)
    if not isinstance(value, str):
        raise Refusal(Reason.FIELD_TYPE, field=name)
    if len(value) > most or _UNSTORABLE.search(value):
        raise Refusal(Reason.FIELD_INVALID, field=name)
    return value


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(value: object) -> float | None:
    """Milliseconds, a number or a digit string, as seconds."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[-_LONGEST_NUMBER:]) if len(value) <= _LONGEST_NUMBER else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / 1000 if abs(value) < 1e20 else None  # NaN and the infinities are not less
