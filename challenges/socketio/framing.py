"""Polling bodies of Engine.IO 3 and 4: many packets in one text (specs/socketio.md §2). Pure.

A packet is `str` (its type digit, then text) or `bytes` (the content of a binary message). Version 3 writes
`<length>:<packet>` with the length in UTF-16 code units, and lets a client send `application/octet-stream` too;
version 4 joins packets with the byte 0x1e.
"""

import base64
import binascii
from collections.abc import Iterable

Packet = str | bytes

MOST_PACKETS = 16  # of one body (R43)
_SEPARATOR = "\x1e"
_LONGEST_LENGTH = 8  # digits; a body has at most 1 000 000 bytes
_BINARY_MESSAGE = 4
_END_OF_LENGTH = 255


class BadFraming(ValueError):
    """No body of this version, or too many packets."""


def decode(version: int, body: bytes, *, octets: bool) -> list[Packet]:
    """The packets of a POST; `octets` says that its type is `application/octet-stream`."""
    if version == 3 and octets:
        return _octets3(body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadFraming("not UTF-8") from None
    return _text3(text) if version == 3 else _text4(text)


def encode(version: int, packets: Iterable[Packet]) -> bytes:
    """The body of an answer; binary always as base64, which every client takes."""
    if version == 4:
        return _SEPARATOR.join(_plain(packet, "b") for packet in packets).encode()
    return "".join(f"{units(text)}:{text}" for text in (_plain(packet, "b4") for packet in packets)).encode()


def units(text: str) -> int:
    """The length of a text in UTF-16 code units, as JavaScript counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _plain(packet: Packet, mark: str) -> str:
    return packet if isinstance(packet, str) else mark + base64.b64encode(packet).decode("ascii")


def _text4(text: str) -> list[Packet]:
    parts = text.split(_SEPARATOR, MOST_PACKETS)
    if len(parts) > MOST_PACKETS:
        raise BadFraming("too many packets")
    return [_packet(part, "b") for part in parts]


def _text3(text: str) -> list[Packet]:
    if not text:
        raise BadFraming("empty")
    wide = not text.isascii()
    body = text.encode("utf-16-le") if wide else text.encode("ascii")
    size, colon = (2, ":".encode("utf-16-le")) if wide else (1, b":")
    packets: list[Packet] = []
    at = 0
    while at < len(body):
        end = body.find(colon, at, at + size * (_LONGEST_LENGTH + 1))
        length = _length(body[at:end:size]) if end > at else 0
        start = end + size
        at = start + length * size
        if not length or at > len(body) or len(packets) == MOST_PACKETS:
            raise BadFraming("lengths")
        packets.append(_packet(_unit_text(body[start:at], wide=wide), "b4"))
    return packets


def _unit_text(part: bytes, *, wide: bool) -> str:
    try:
        return part.decode("utf-16-le" if wide else "ascii")
    except UnicodeDecodeError:  # a length that cuts a character in two
        raise BadFraming("lengths") from None


def _octets3(body: bytes) -> list[Packet]:
    """Per packet: 0 (text) or 1 (binary), its length in bytes as one byte per digit, 255, the packet."""
    packets: list[Packet] = []
    at = 0
    while at < len(body):
        kind, end = body[at], body.find(_END_OF_LENGTH, at + 1, at + _LONGEST_LENGTH + 2)
        digits = body[at + 1 : end] if end > at else b""
        if kind > 1 or not digits or max(digits) > 9 or len(packets) == MOST_PACKETS:
            raise BadFraming("lengths")
        length = int("".join(map(str, digits)))
        at = end + 1 + length
        part = body[end + 1 : at]
        if not length or len(part) != length:
            raise BadFraming("lengths")
        packets.append(_binary3(part) if kind else _octet_text(part))
    if not packets:
        raise BadFraming("empty")
    return packets


def _octet_text(part: bytes) -> Packet:
    try:
        return _packet(part.decode(), "b4")
    except UnicodeDecodeError:
        raise BadFraming("not UTF-8") from None


def _binary3(part: bytes) -> bytes:
    if part[0] != _BINARY_MESSAGE:
        raise BadFraming("binary packets are messages")
    return part[1:]


def frame(version: int, packet: Packet) -> Packet:
    """A packet as one websocket frame; version 3 marks binary ones with the type byte."""
    return b"\x04" + packet if version == 3 and isinstance(packet, bytes) else packet


def unframe(version: int, content: Packet) -> Packet:
    """The packet of one websocket frame."""
    if isinstance(content, str):
        return _packet(content, "b4" if version == 3 else "b")
    if version == 4:
        return content
    if not content:
        raise BadFraming("empty")
    return _binary3(content)


def _packet(text: str, mark: str) -> Packet:
    if text.startswith(mark):
        try:
            return base64.b64decode(text[len(mark) :], validate=True)
        except (binascii.Error, ValueError):
            raise BadFraming("base64") from None
    if not text or text[0] not in "123456":
        raise BadFraming("no such packet")
    return text


def _length(digits: bytes) -> int:
    if not digits.isdigit() or not digits.isascii():
        raise BadFraming("lengths")
    return int(digits)
