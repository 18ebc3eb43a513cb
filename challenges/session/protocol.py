"""The wire of the Session open group login (session-open-group.md). Pure: no Django, no clock, no settings."""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from accounts import strict_json
from accounts.errors import Reason, Refusal
from accounts.keys import canonical_x25519, x25519_bytes

TOKEN_LENGTH = 96
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}
_TOKEN = re.compile(rf"[0-9A-Za-z]{{{TOKEN_LENGTH}}}")
_VERSION = b"\x01"
_RANDOM_BYTES, _MAC_BYTES = 34, 32
_TOKEN_BYTES = 1 + 4 + _RANDOM_BYTES + _MAC_BYTES
_KEY_TYPE = b"\x05"


@dataclass(frozen=True, slots=True)
class EncryptedToken:
    """A challenge as it goes over the wire: both fields in standard base64."""

    cipher_text64: str
    server_public_key64: str

    def render(self) -> dict[str, str]:
        """The bare success body of get_challenge (section 4.1)."""
        return {"cipherText64": self.cipher_text64, "serverPubKey64": self.server_public_key64}


@dataclass(frozen=True, slots=True)
class Submission:
    """The body of submit_challenge. `token` is as sent: whether it is there is asked after admission."""

    public_key: str
    token: object


def parse_public_key(values: Sequence[str]) -> str:
    """The canonical key of the query's `pubKey` values; FIELD_MISSING or FIELD_INVALID (section 4.1)."""
    if not any(values):
        raise Refusal(Reason.FIELD_MISSING, field="pubKey")
    if len(values) != 1:
        raise Refusal(Reason.FIELD_INVALID, field="pubKey")
    return canonical_x25519(values[0])


def parse_submission(body: bytes, content_type: str) -> Submission:
    """The submit_challenge body (section 4.2); MALFORMED, FIELD_MISSING or FIELD_INVALID."""
    fields = parse_object(body, content_type)
    if fields.get("pubKey") in (None, ""):
        raise Refusal(Reason.FIELD_MISSING, field="pubKey")
    return Submission(canonical_x25519(fields["pubKey"]), fields.get("token"))


def parse_object(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The JSON object of a body; another content type looks like an empty one, another value like no fields."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return {}
    value = strict_json.parse(body)
    return value if isinstance(value, dict) else {}


def parse_submitted_token(token: object) -> str:
    """The token of a submission: FIELD_MISSING when absent or empty, CHALLENGE_INVALID when no text."""
    if token is None or token == "":
        raise Refusal(Reason.FIELD_MISSING, field="token")
    if not isinstance(token, str):
        raise Refusal(Reason.CHALLENGE_INVALID, detail="token is no string")
    return token


def parse_access_token(query_values: Sequence[str], authorization: str) -> str:
    """The token of a request (section 4.3): a non-empty query value wins, even a wrong one; "" when there is none."""
    given = {value for value in query_values if value}
    if len(given) > 1:
        raise Refusal(Reason.TOKEN_UNKNOWN, detail="several access_token values")
    if given:
        return given.pop()
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def mint_token(public_key: str, *, expires: int, mac_key: bytes) -> str:
    """A token for one key, good until `expires` (unix seconds); needs no storage (section 5.3)."""
    head = _VERSION + expires.to_bytes(4, "big") + secrets.token_bytes(_RANDOM_BYTES)
    return _encode(head + _mac(head, public_key, mac_key))


def is_genuine(token: str, public_key: str, *, now: int, mac_keys: Sequence[bytes]) -> bool:
    """Whether we minted this token for this key and it has not expired."""
    if not _TOKEN.fullmatch(token):
        return False
    raw = _decode(token)
    if raw is None or raw[:1] != _VERSION:
        return False
    head, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    genuine = [hmac.compare_digest(mac, _mac(head, public_key, key)) for key in mac_keys]
    return any(genuine) and int.from_bytes(head[1:5], "big") > now


def encrypt_token(
    token: str, public_key: str, *, server_key: X25519PrivateKey | None = None, iv: bytes | None = None
) -> EncryptedToken:
    """Encrypts a token to a client's key (section 5.1); key pair and IV are fresh unless a test vector gives them.

    FIELD_INVALID when the agreement is 32 zero bytes (RFC 7748 §6.1).
    """
    server_key = server_key or X25519PrivateKey.generate()
    iv = iv or secrets.token_bytes(16)
    try:
        shared = server_key.exchange(X25519PublicKey.from_public_bytes(x25519_bytes(public_key)))
    except ValueError:
        raise Refusal(Reason.FIELD_INVALID, field="pubKey") from None
    padder = padding.PKCS7(128).padder()
    padded = padder.update(token.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(shared), modes.CBC(iv)).encryptor()
    cipher_text = encryptor.update(padded) + encryptor.finalize()
    return EncryptedToken(
        base64.b64encode(iv + cipher_text).decode(),
        base64.b64encode(_KEY_TYPE + server_key.public_key().public_bytes_raw()).decode(),
    )


def _mac(head: bytes, public_key: str, mac_key: bytes) -> bytes:
    return hmac.digest(mac_key, b"sog1" + head + x25519_bytes(public_key), "sha256")


def _encode(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    digits = []
    for _ in range(TOKEN_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _decode(token: str) -> bytes | None:
    number = 0
    for char in token:
        number = number * 62 + _VALUES[char]
    return number.to_bytes(_TOKEN_BYTES, "big") if number < 2 ** (8 * _TOKEN_BYTES) else None


def moment(at: datetime, *, milliseconds: bool = False) -> str:
    """A moment as App.net wrote it: UTC with `Z`."""
    text = at.isoformat(timespec="milliseconds" if milliseconds else "seconds")
    return text.replace("+00:00", "Z")
