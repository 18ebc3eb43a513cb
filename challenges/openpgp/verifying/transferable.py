"""The parts of an uploaded certificate and which keys of it may sign now (RFC 9580 §10.1; security.md R34). Pure.

What is stated here is not verified: the makers do that. It is used to refuse, never to admit: the stricter view wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from challenges.openpgp.verifying import keys, packets, signatures
from challenges.openpgp.verifying.keys import Key
from challenges.openpgp.verifying.packets import BadPacket, Packet
from challenges.openpgp.verifying.signatures import Signature

MOST_PARTS = 50  # user ids; subkeys
_SECRET = frozenset({packets.SECRET_KEY, packets.SECRET_SUBKEY})
_IDLE = frozenset({packets.MARKER, packets.TRUST, packets.PADDING, *range(40, 64)})  # ignored, as RFC 9580 §4.3 says


class HasSecret(BadPacket):
    """A private key among the packets."""


class TooManyKeys(BadPacket):
    """More than one primary key."""


class TooManyParts(BadPacket):
    """More user ids or subkeys than anybody needs."""


@dataclass(slots=True)
class _Part:
    """A key, user id or attribute and the signatures of the owner over it."""

    packet: Packet
    kept: list[Packet] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)

    def of_type(self, *types: int) -> list[Signature]:
        return [signature for signature in self.signatures if signature.type in types]

    @property
    def is_claimed(self) -> bool:
        """Whether the owner certified this user id and did not take that back later."""
        given = self.of_type(*signatures.CERTIFICATIONS)
        taken = self.of_type(signatures.CERTIFICATION_REVOCATION)
        newest = max((one.created_at for one in given), default=None)
        return newest is not None and all(one.created_at < newest for one in taken)


@dataclass(frozen=True, slots=True)
class Bound:
    """A key and what binds it, as its newest signatures state; `sound` is whether their hashes may still bind a key."""

    key: Key
    revoked: bool
    expires_at: datetime | None
    sound: bool
    may_sign: bool
    newest: datetime

    def is_live(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return not self.revoked and not (self.expires_at is not None and self.expires_at <= now)


@dataclass(frozen=True, slots=True)
class Transferable:
    """A public certificate without what others signed. `binary` is what the makers see."""

    primary: Bound
    subkeys: tuple[Bound, ...]
    user_ids: tuple[str, ...]
    binary: bytes

    @property
    def keys(self) -> tuple[Bound, ...]:
        """The primary key and the subkeys."""
        return self.primary, *self.subkeys

    @property
    def newest(self) -> datetime:
        """The last moment named in it."""
        return max(max(bound.newest, bound.key.created_at) for bound in self.keys)

    def signing(self, now: datetime) -> list[Bound]:
        """The keys that sign people in at this moment, as far as they state it."""
        if not self.primary.is_live(now):
            return []
        return [bound for bound in self.keys if bound.may_sign and bound.key.signs and bound.is_live(now)]

    def named(self, names: frozenset[str]) -> Bound | None:
        """The key that one of these fingerprints or key ids means."""
        return next((bound for bound in self.keys if {bound.key.fingerprint, bound.key.key_id} & names), None)


def parse(data: bytes) -> Transferable:
    """The certificate in some packets; BadPacket, or one of its kinds above."""
    found = _only_public(data)
    primary = keys.read(found[0].body)
    parts = _parts(found, primary)
    names = [part for part in parts if part.packet.tag == packets.USER_ID and part.of_type(*signatures.CERTIFICATIONS)]
    subkeys = [part for part in parts if part.packet.tag == packets.PUBLIC_SUBKEY]
    if (
        len(subkeys) > MOST_PARTS
        or sum(p.packet.tag in {packets.USER_ID, packets.USER_ATTRIBUTE} for p in parts) > MOST_PARTS
    ):
        raise TooManyParts
    kept = [parts[0], *names, *subkeys]
    return Transferable(
        primary=_bound_primary(primary, parts[0], names),
        subkeys=tuple(bound for bound in map(_bound_subkey, subkeys) if bound is not None),
        user_ids=tuple(_text(part.packet.body) for part in names if part.is_claimed),
        binary=b"".join(packet.encode() for part in kept for packet in (part.packet, *part.kept)),
    )


def _only_public(data: bytes) -> list[Packet]:
    found = [packet for packet in packets.split(data) if packet.tag not in _IDLE]
    tags = [packet.tag for packet in found]
    if _SECRET & set(tags):
        raise HasSecret
    if tags.count(packets.PUBLIC_KEY) > 1:
        raise TooManyKeys
    if not tags or tags[0] != packets.PUBLIC_KEY:
        raise BadPacket("no public key")
    return found


def _parts(found: Sequence[Packet], primary: Key) -> list[_Part]:
    """The packets in parts; signatures that others made, and such that cannot be read, are left out."""
    parts: list[_Part] = []
    for packet in found:
        if packet.tag in {packets.PUBLIC_KEY, packets.USER_ID, packets.USER_ATTRIBUTE, packets.PUBLIC_SUBKEY}:
            parts.append(_Part(packet))
        elif packet.tag != packets.SIGNATURE:
            raise BadPacket("another packet")
        else:
            _keep(packet, parts[-1], primary)
    return parts


def _keep(packet: Packet, part: _Part, primary: Key) -> None:
    try:
        signature = signatures.read(packet.body)
    except BadPacket:
        return
    if signature.is_by(primary.fingerprint, primary.key_id):
        part.kept.append(packet)
        part.signatures.append(signature)


def _bound_primary(key: Key, part: _Part, names: Sequence[_Part]) -> Bound:
    groups = [part.of_type(signatures.DIRECT_KEY)]
    groups += [name.of_type(*signatures.CERTIFICATIONS) for name in names if name.is_claimed]
    newest = [max(group, key=_created) for group in groups if group]
    sound = [signature for signature in newest if signature.is_sound]
    silent = all(signature.flags is None for signature in sound)  # a key that does not say may do everything
    return Bound(
        key=key,
        revoked=bool(part.of_type(signatures.KEY_REVOCATION)),
        expires_at=_end(key, max(newest, key=_created)) if newest else None,
        sound=bool(sound),
        may_sign=bool(sound) and (silent or any(signature.may_sign for signature in sound)),
        newest=max((signature.created_at for signature in newest), default=key.created_at),
    )


def _bound_subkey(part: _Part) -> Bound | None:
    """A subkey, or None where it is of a kind that cannot be read and so cannot sign."""
    try:
        key = keys.read(part.packet.body)
    except BadPacket:
        return None
    bindings = part.of_type(signatures.SUBKEY_BINDING)
    newest = max(bindings, key=_created, default=None)
    revoked = bool(part.of_type(signatures.SUBKEY_REVOCATION))
    if newest is None:
        return Bound(key, revoked, None, sound=True, may_sign=False, newest=key.created_at)
    signs = newest.may_sign and newest.has_back_signature and newest.is_sound
    return Bound(key, revoked, _end(key, newest), newest.is_sound, may_sign=signs, newest=newest.created_at)


def _created(signature: Signature) -> datetime:
    return signature.created_at


def _end(key: Key, signature: Signature) -> datetime | None:
    return key.created_at + signature.key_lifetime if signature.key_lifetime is not None else None


def _text(body: bytes) -> str:
    """A user id to show and to compare: what is no character is shown as a replacement."""
    text = body.decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def with_primary_end(certificate: Transferable, expires_at: datetime | None) -> Transferable:
    """The certificate, with an end that a maker found too: the earlier one holds."""
    ends = [end for end in (certificate.primary.expires_at, expires_at) if end is not None]
    return replace(certificate, primary=replace(certificate.primary, expires_at=min(ends, default=None)))
