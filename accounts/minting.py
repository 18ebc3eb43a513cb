"""The texts of Matrix and OAuth tokens: `PREFIX_` localpart `_` secret `_` checksum (matrix.md §4, R8). Pure.

Codes are the same without a localpart.

The user can be told from the text alone, leak scanners know the prefix, and the checksum turns garbage away without a
look into the database. The secret has 256 bits.
"""

import base64
import secrets
import zlib

from accounts.errors import Reason, Refusal

ACCESS, REFRESH, LOGIN = "mat", "mar", "mlt"
AUTHORIZATION_CODE, DEVICE_CODE, CLIENT_SECRET = "idp_ac", "idp_dc", "idp_cs"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET, _CHECKSUM = 43, 6
_LONGEST = 512


def mint(prefix: str, localpart: str) -> str:
    """A new token text for the account."""
    encoded = base64.urlsafe_b64encode(localpart.encode()).decode().rstrip("=")
    secret = base62(int.from_bytes(secrets.token_bytes(32), "big"), _SECRET)
    body = f"{prefix}_{encoded}_{secret}"
    return f"{body}_{_checksum(body)}"


def check(text: str, prefix: str) -> str:
    """The text itself; TOKEN_UNKNOWN when it cannot be a token of this prefix."""
    if not is_genuine(text, prefix):
        raise Refusal(Reason.TOKEN_UNKNOWN)
    return text


def is_genuine(text: str, prefix: str) -> bool:
    """Whether the text has the form and the checksum of a token of this prefix, and names an account."""
    body, _, checksum = text.rpartition("_")
    return (
        text.startswith(f"{prefix}_")
        and len(text) <= _LONGEST
        and text.isascii()
        and len(checksum) == _CHECKSUM
        and checksum == _checksum(body)
        and localpart_of(text) != ""
    )


def code(prefix: str) -> str:
    """A new code: it names nobody."""
    body = f"{prefix}_{base62(int.from_bytes(secrets.token_bytes(32), 'big'), _SECRET)}"
    return f"{body}_{_checksum(body)}"


def is_code(text: str, prefix: str) -> bool:
    """Whether the text has the form and the checksum of a code of this prefix."""
    return (
        len(text) == len(prefix) + _SECRET + _CHECKSUM + 2
        and text.startswith(f"{prefix}_")
        and text.isascii()
        and text[-_CHECKSUM:] == _checksum(text[: -_CHECKSUM - 1])
    )


def localpart_of(text: str) -> str:
    """The name of the account that a token says it belongs to; "" when it names none."""
    encoded = text.partition("_")[2][: -(_SECRET + _CHECKSUM + 2)]
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return ""


def base62(number: int, length: int) -> str:
    """A number in base 62, padded to the length."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(body: str) -> str:
    return base62(zlib.crc32(body.encode()), _CHECKSUM)
