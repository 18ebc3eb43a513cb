"""The secure channel of both forms (qr-login.md §5): what is written into the slot, and the two digits people compare.

`Shown` is the device with the QR code, `Scanned` the other one. A channel seals text and opens messages; `aad` is
what a message is bound to, b"" in the 2024 form. InvalidTag for a message that does not belong here.
"""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.conformance.qr import hpke
from tests.conformance.qr.hpke import Sequence, expand, extract

INITIATE, OK = b"MATRIX_QR_CODE_LOGIN_INITIATE", b"MATRIX_QR_CODE_LOGIN_OK"
_NAME = b"MATRIX_QR_CODE_LOGIN"


def b64(octets: bytes) -> str:
    """Unpadded."""
    return base64.b64encode(octets).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


class Channel:
    """Made on both sides."""

    def __init__(self, out: Sequence, into: Sequence, check_code: str) -> None:
        self._out, self._into, self.check_code = out, into, check_code

    def seal(self, plain: bytes, aad: bytes = b"") -> str:
        return b64(self._out.seal(plain, aad))

    def open(self, message: str, aad: bytes = b"") -> bytes:
        return self._into.open(unb64(message), aad)


class Side:
    """A key pair for one login."""

    def __init__(self) -> None:
        self.secret = X25519PrivateKey.from_private_bytes(secrets.token_bytes(32))

    @property
    def public(self) -> bytes:
        return self.secret.public_key().public_bytes_raw()


class Shown2024(Side):
    """§5.1."""

    def accept(self, message: str, aad: bytes = b"") -> Channel:
        """The channel that the other side asks for."""
        sealed, other = message.split("|")
        keys = _Keys2024(self.secret, unb64(other), self.public, unb64(other))
        channel = Channel(keys.direction("G"), keys.direction("S"), keys.check_code)
        assert channel.open(sealed) == INITIATE
        return channel

    def agreed(self, channel: Channel, aad: bytes = b"") -> str:
        """The LoginOkMessage."""
        return channel.seal(OK)


class Scanned2024(Side):
    """§5.1."""

    def __init__(self, shown: bytes) -> None:
        super().__init__()
        keys = _Keys2024(self.secret, shown, shown, self.public)
        self._channel = Channel(keys.direction("S"), keys.direction("G"), keys.check_code)

    def initiate(self, aad: bytes = b"") -> str:
        """The LoginInitiateMessage."""
        return f"{self._channel.seal(INITIATE)}|{b64(self.public)}"

    def confirm(self, message: str, aad: bytes = b"") -> Channel:
        """The channel, once the other side has agreed."""
        assert self._channel.open(message) == OK
        return self._channel


class _Keys2024:
    def __init__(self, own: X25519PrivateKey, other: bytes, shown: bytes, scanned: bytes) -> None:
        self._agreed = own.exchange(X25519PublicKey.from_public_bytes(other))  # refuses all-zero
        self._names = f"|{b64(shown)}|{b64(scanned)}".encode()

    def direction(self, letter: str) -> Sequence:
        return _LittleEndian(self._derive(f"_ENCKEY_{letter}", 32), b"")

    @property
    def check_code(self) -> str:
        return "".join(str(octet % 10) for octet in self._derive("_CHECKCODE", 2))

    def _derive(self, what: str, length: int) -> bytes:
        info = _NAME + what.encode() + self._names
        return HKDF(hashes.SHA512(), length, salt=None, info=info).derive(self._agreed)


class _LittleEndian(Sequence):
    """The 2024 form counts the other way."""

    def _next(self) -> bytes:
        nonce = self._number.to_bytes(12, "little")
        self._number += 1
        return nonce


class ShownCurrent(Side):
    """§5.2."""

    def __init__(self) -> None:
        super().__init__()
        self._fresh = secrets.token_bytes(32)

    def accept(self, message: str, aad: bytes) -> Channel:
        octets = unb64(message)
        context = hpke.receiver(octets[:32], _NAME, self.secret)
        assert context.open(octets[32:], aad) == INITIATE
        out = _reply(context, octets[:32], self._fresh)
        return Channel(out, context, _check_code(context, self.public, octets[:32]))

    def agreed(self, channel: Channel, aad: bytes) -> str:
        return b64(self._fresh + unb64(channel.seal(OK, aad)))


class ScannedCurrent(Side):
    """§5.2."""

    def __init__(self, shown: bytes) -> None:
        super().__init__()
        self._context = hpke.sender(shown, _NAME, self.secret)
        self._code = _check_code(self._context, shown, self.public)

    def initiate(self, aad: bytes) -> str:
        return b64(self.public + self._context.seal(INITIATE, aad))

    def confirm(self, message: str, aad: bytes) -> Channel:
        octets = unb64(message)
        into = _reply(self._context, self.public, octets[:32])
        assert into.open(octets[32:], aad) == OK
        return Channel(self._context, into, self._code)


def _reply(context: hpke.Context, enc: bytes, fresh: bytes) -> Sequence:
    """The way back (RFC 9458 §4.4)."""
    prk = extract(enc + fresh, context.export(_NAME + b" response", 32))
    return Sequence(expand(prk, b"key", 32), expand(prk, b"nonce", 12))


def _check_code(context: hpke.Context, shown: bytes, scanned: bytes) -> str:
    first, second = context.export(_NAME + b"_CHECKCODE" + shown + scanned, 2)
    return f"{first % 9 + 1}{second % 10}"


SHOWN: dict[str, Callable[[], Any]] = {"2024": Shown2024, "current": ShownCurrent}
SCANNED: dict[str, Callable[[bytes], Any]] = {"2024": Scanned2024, "current": ScannedCurrent}
