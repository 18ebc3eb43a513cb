"""OpenPGP packets, read strictly (RFC 9580 §4, RFC 4880 §4). Pure.

Only what has to be counted or compared before a verifier sees it; nothing here verifies a signature.
"""

from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE, SECRET_KEY, PUBLIC_KEY, SECRET_SUBKEY, MARKER, TRUST = 2, 5, 6, 7, 10, 12
USER_ID, PUBLIC_SUBKEY, USER_ATTRIBUTE, PADDING = 13, 14, 17, 21


class BadPacket(ValueError):
    """Bytes that are no packets, or not as the specification has them. The text holds nothing from outside."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its type and its body without the header."""

    tag: int
    body: bytes

    def encode(self) -> bytes:
        """The packet with a header in the new form and a length in five octets."""
        return bytes([0xC0 | self.tag, 0xFF]) + len(self.body).to_bytes(4, "big") + self.body


class Reader:
    """Takes fields off the beginning of some bytes; BadPacket where they are too short."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self._at + count
        if end > len(self._data):
            raise BadPacket("cut short")
        taken, self._at = self._data[self._at : end], end
        return taken

    def number(self, octets: int) -> int:
        """The next big-endian number."""
        return int.from_bytes(self.take(octets), "big")

    def mpi(self) -> int:
        """The next multiprecision integer, which must have the length it states (RFC 9580 §3.2)."""
        bits = self.number(2)
        value = int.from_bytes(self.take((bits + 7) // 8), "big")
        if value.bit_length() != bits:
            raise BadPacket("a number of another length")
        return value

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._data) - self._at)

    def __bool__(self) -> bool:
        return self._at < len(self._data)


def split(data: bytes) -> Iterator[Packet]:
    """The packets, one after the other; lengths must be definite and packets whole."""
    reader = Reader(data)
    while reader:
        first = reader.number(1)
        if not first & 0x80:
            raise BadPacket("no packet")
        if first & 0x40:
            yield Packet(first & 0x3F, reader.take(_new_length(reader)))
        elif first & 0x03 == 3:
            raise BadPacket("indefinite length")
        else:
            yield Packet((first >> 2) & 0x0F, reader.take(reader.number(1 << (first & 0x03))))


def _new_length(reader: Reader, *, partial: bool = False) -> int:
    first = reader.number(1)
    if first < 192:
        return first
    if first < (255 if partial else 224):
        return ((first - 192) << 8) + reader.number(1) + 192
    if first == 255:
        return reader.number(4)
    raise BadPacket("partial length")


def subpacket_length(reader: Reader) -> int:
    """The length of a signature subpacket: as of a packet, but two octets reach further (RFC 9580 §5.2.3.7)."""
    return _new_length(reader, partial=True)
