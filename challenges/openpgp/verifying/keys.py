"""Public key packets: fingerprint, algorithm, size (RFC 9580 §5.5, §9). Pure."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from challenges.openpgp.verifying.packets import BadPacket, Reader

LEAST_RSA_BITS, SEQUOIA_LEAST_RSA_BITS, SEQUOIA_MOST_RSA_BITS, MOST_RSA_BITS = 2040, 2048, 4096, 8192
_RSA, _DSA, _ECDSA, _EDDSA, _ED25519 = frozenset({1, 3}), 17, 19, 22, 27
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): "P-256",
    bytes.fromhex("2b81040022"): "P-384",
    bytes.fromhex("2b81040023"): "P-521",
    bytes.fromhex("2b06010401da470f01"): "Ed25519",
}
_OTHERS = {1: "RSA", 2: "RSA", 3: "RSA", 16: "ElGamal", 20: "ElGamal", 17: "DSA", 18: "ECDH", 25: "X25519", 26: "X448"}
_OTHERS |= {27: "Ed25519", 28: "Ed448", 19: "ECDSA", 22: "EdDSA"}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key or subkey. `bits` is the size of an RSA or DSA modulus."""

    fingerprint: str
    algorithm_id: int
    algorithm: str
    bits: int | None
    created_at: datetime

    @property
    def key_id(self) -> str:
        """The sixteen hex digits by which older signatures name the key."""
        return self.fingerprint[:16] if len(self.fingerprint) == 64 else self.fingerprint[-16:]

    @property
    def is_rsa(self) -> bool:
        """Whether it is an RSA key that may sign."""
        return self.algorithm_id in _RSA

    @property
    def signs(self) -> bool:
        """Whether a key of this kind and size may sign people in (security.md R34)."""
        if self.is_rsa:
            return LEAST_RSA_BITS <= (self.bits or 0) <= MOST_RSA_BITS
        return self.algorithm_id == _ED25519 or self.algorithm in {
            "EdDSA", "ECDSA P-256", "ECDSA P-384", "ECDSA P-521",
        }  # fmt: skip

    @property
    def is_for_gpg(self) -> bool:
        """Whether only gpg judges it: RSA outside the sizes that pysequoia takes."""
        return self.is_rsa and not SEQUOIA_LEAST_RSA_BITS <= (self.bits or 0) <= SEQUOIA_MOST_RSA_BITS


def read(body: bytes) -> Key:
    """The key in the body of a key packet of version 4 or 6; BadPacket for any other."""
    reader = Reader(body)
    version = reader.number(1)
    if version not in {4, 6}:
        raise BadPacket("a key of another version")
    created_at = datetime.fromtimestamp(reader.number(4), UTC)
    algorithm = reader.number(1)
    if version == 6 and reader.number(4) != len(body) - 10:
        raise BadPacket("key material of another length")
    name, bits = _named(algorithm, reader)
    return Key(_fingerprint(version, body), algorithm, name, bits, created_at)


def _fingerprint(version: int, body: bytes) -> str:
    if version == 4:
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest()
    return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest()


def _named(algorithm: int, reader: Reader) -> tuple[str, int | None]:
    name = _OTHERS.get(algorithm, f"algorithm {algorithm}")
    if algorithm in _RSA:
        modulus, exponent = reader.mpi(), reader.mpi()
        if exponent.bit_length() > 64 or reader:  # a long exponent makes every verification dear
            raise BadPacket("an RSA key of another form")
        return name, modulus.bit_length()
    if algorithm == _DSA:
        return name, reader.mpi().bit_length()
    if algorithm in {_ECDSA, _EDDSA}:
        return _on_curve(algorithm, _CURVES.get(reader.take(reader.number(1)), "")), None
    return name, None


def _on_curve(algorithm: int, curve: str) -> str:
    if algorithm == _ECDSA:
        return f"ECDSA {curve}" if curve.startswith("P-") else "ECDSA, another curve"
    return "EdDSA" if curve == "Ed25519" else "EdDSA, another curve"
