"""Signature packets: what they state, without verifying it (RFC 9580 §5.2). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from challenges.openpgp.verifying.packets import BadPacket, Reader, subpacket_length

TEXT, DIRECT_KEY, SUBKEY_BINDING, PRIMARY_BINDING = 0x01, 0x1F, 0x18, 0x19
KEY_REVOCATION, SUBKEY_REVOCATION, CERTIFICATION_REVOCATION = 0x20, 0x28, 0x30
CERTIFICATIONS = frozenset({0x10, 0x11, 0x12, 0x13})

HASHES = {8: "SHA256", 9: "SHA384", 10: "SHA512", 12: "SHA3-256", 14: "SHA3-512"}  # SHA-256 or better
_SHA224 = 11  # good enough where a key binds another, as both makers see it

_CREATED, _EXPIRES, _KEY_EXPIRES, _ISSUER, _FLAGS, _EMBEDDED, _ISSUER_FINGERPRINT = 2, 3, 9, 16, 27, 32, 33
_MAY_SIGN = 0x02


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature states. Issuers are lower-case fingerprints or key ids; `flags` is None where there are none."""

    type: int
    algorithm_id: int
    hash_id: int
    created_at: datetime
    lifetime: timedelta | None
    key_lifetime: timedelta | None
    flags: int | None
    issuers: frozenset[str]
    has_back_signature: bool

    @property
    def may_sign(self) -> bool:
        """Whether the key it binds is said to sign data."""
        return bool((self.flags or 0) & _MAY_SIGN)

    @property
    def is_sound(self) -> bool:
        """Whether its hash may still bind a key."""
        return self.hash_id in HASHES or self.hash_id == _SHA224

    def is_by(self, fingerprint: str, key_id: str) -> bool:
        """Whether this key is named as the issuer, or nobody is."""
        return not self.issuers or fingerprint in self.issuers or key_id in self.issuers

    def has_ended(self, now: datetime) -> bool:
        """Whether the signature itself has expired."""
        return self.lifetime is not None and self.created_at + self.lifetime <= now


def read(body: bytes) -> Signature:
    """The signature in the body of a packet of version 4 or 6; BadPacket for any other."""
    reader = Reader(body)
    version = reader.number(1)
    if version not in {4, 6}:
        raise BadPacket("a signature of another version")
    kind, algorithm, hash_id = reader.number(1), reader.number(1), reader.number(1)
    octets = 2 if version == 4 else 4
    hashed = list(_subpackets(reader.take(reader.number(octets))))
    unhashed = list(_subpackets(reader.take(reader.number(octets))))
    stated = _stated(hashed)
    created = stated.get(_CREATED)
    if created is None or len(created) != 4:
        raise BadPacket("no time")
    return Signature(
        type=kind,
        algorithm_id=algorithm,
        hash_id=hash_id,
        created_at=datetime.fromtimestamp(int.from_bytes(created, "big"), UTC),
        lifetime=_span(stated.get(_EXPIRES)),
        key_lifetime=_span(stated.get(_KEY_EXPIRES)),
        flags=stated[_FLAGS][0] if stated.get(_FLAGS) else None,
        issuers=frozenset(_issuers([*hashed, *unhashed])),
        has_back_signature=any(number == _EMBEDDED for number, _ in (*hashed, *unhashed)),
    )


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    reader = Reader(area)
    while reader:
        inner = Reader(reader.take(subpacket_length(reader)))
        yield inner.number(1) & 0x7F, inner.rest()


def _stated(hashed: list[tuple[int, bytes]]) -> dict[int, bytes]:
    """The subpackets that must stand alone; twice would let two readers take different ones."""
    stated: dict[int, bytes] = {}
    for number, value in hashed:
        if number in {_CREATED, _EXPIRES, _KEY_EXPIRES, _FLAGS}:
            if number in stated:
                raise BadPacket("a field twice")
            stated[number] = value
    return stated


def _span(value: bytes | None) -> timedelta | None:
    if value is None:
        return None
    if len(value) != 4:
        raise BadPacket("a time of another length")
    return timedelta(seconds=int.from_bytes(value, "big")) or None  # zero says "never"


def _issuers(subpackets: list[tuple[int, bytes]]) -> Iterator[str]:
    for number, value in subpackets:
        if number == _ISSUER and len(value) == 8:
            yield value.hex()
        elif number == _ISSUER_FINGERPRINT and len(value) in {21, 33}:
            yield value[1:].hex()
