"""HPKE in base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305."""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_KEM, _KDF, _AEAD = (0x0020).to_bytes(2), (0x0001).to_bytes(2), (0x0003).to_bytes(2)
_OF_KEM, _OF_SUITE = b"KEM" + _KEM, b"HPKE" + _KEM + _KDF + _AEAD
_BASE = b"\x00"


def extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract with SHA-256."""
    return hmac.digest(salt, ikm, hashlib.sha256)


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256."""
    found, block = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([number]), hashlib.sha256)
        found += block
    return found[:length]


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(prk, length.to_bytes(2) + b"HPKE-v1" + suite + label + info, length)


class Sequence:
    """One direction: each message has a nonce of its own, by its number."""

    def __init__(self, key: bytes, base_nonce: bytes) -> None:
        self._cipher, self._base, self._number = ChaCha20Poly1305(key), base_nonce, 0

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        return self._cipher.encrypt(self._next(), plain, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """The text; InvalidTag for everything that was not sealed as the next message with this `aad`."""
        return self._cipher.decrypt(self._next(), sealed, aad)

    def _next(self) -> bytes:
        nonce = bytes(a ^ b for a, b in zip(self._base, self._number.to_bytes(12), strict=True))
        self._number += 1
        return nonce


class Context(Sequence):
    """What both have after the set-up (§5.1): messages from the sender to the receiver, and exported secrets (§5.3)."""

    def __init__(self, shared: bytes, info: bytes) -> None:
        known = _BASE + _labeled_extract(_OF_SUITE, b"", b"psk_id_hash", b"")
        known += _labeled_extract(_OF_SUITE, b"", b"info_hash", info)
        secret = _labeled_extract(_OF_SUITE, shared, b"secret", b"")
        key = _labeled_expand(_OF_SUITE, secret, b"key", known, 32)
        super().__init__(key, _labeled_expand(_OF_SUITE, secret, b"base_nonce", known, 12))
        self._exporter = _labeled_expand(_OF_SUITE, secret, b"exp", known, 32)

    def export(self, context: bytes, length: int) -> bytes:
        return _labeled_expand(_OF_SUITE, self._exporter, b"sec", context, length)


def sender(receiver: bytes, info: bytes, ephemeral: X25519PrivateKey) -> Context:
    """The context of who knows the receiver's public key; `enc` is the ephemeral public key."""
    return Context(_shared(ephemeral, receiver, ephemeral.public_key().public_bytes_raw(), receiver), info)


def receiver(enc: bytes, info: bytes, own: X25519PrivateKey) -> Context:
    return Context(_shared(own, enc, enc, own.public_key().public_bytes_raw()), info)


def _shared(own: X25519PrivateKey, other: bytes, enc: bytes, receiver: bytes) -> bytes:
    agreed = own.exchange(X25519PublicKey.from_public_bytes(other))
    prk = _labeled_extract(_OF_KEM, b"", b"eae_prk", agreed)
    return _labeled_expand(_OF_KEM, prk, b"shared_secret", enc + receiver, 32)
