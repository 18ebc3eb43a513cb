"""ASCII armor, read strictly (RFC 9580 §6). Pure.

One block and nothing beside it but white space; a checksum need not be there but must be right, as gpg wants it.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}: ?[^\x00-\x08\x0b-\x1f\x7f]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{1,128}={0,2}")
_CHECKSUM = re.compile(r"=[A-Za-z0-9+/]{4}")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_MOST_HEADERS = 64


class BadArmor(ValueError):
    """Not the one block that was looked for. The text holds nothing from outside."""


def lines_of(text: str) -> list[str]:
    """The lines of a text, white space around the whole taken off.

    BadArmor where there are control characters other than tabs and whole line ends: programs differ in what a form
    feed, a NUL or a lone carriage return ends, and a text could be signed for one and read by another.
    """
    stripped = text.strip(" \t\r\n")
    if _FORBIDDEN.search(stripped):
        raise BadArmor("control characters")
    return [line.removesuffix("\r") for line in stripped.split("\n")]


def decode(text: str, kind: str, *, headers: frozenset[str] | None = None) -> bytes:
    """The packets in the one block of a kind such as `PUBLIC KEY BLOCK`; `headers` are those allowed (None: any)."""
    return decode_lines(lines_of(text), kind, headers=headers)


def decode_lines(lines: Sequence[str], kind: str, *, headers: frozenset[str] | None = None) -> bytes:
    """The same of lines."""
    begin, end = f"-----BEGIN PGP {kind}-----", f"-----END PGP {kind}-----"
    if len(lines) < 4 or lines[0].rstrip(" \t") != begin or lines[-1].rstrip(" \t") != end:
        raise BadArmor("no whole block")
    body = _after_headers(lines[1:-1], headers)
    while body and not body[-1].strip(" \t"):
        body.pop()
    checksum = body.pop() if body and _CHECKSUM.fullmatch(body[-1].rstrip(" \t")) else ""
    return _packets([line.rstrip(" \t") for line in body], checksum.rstrip(" \t"))


def _after_headers(lines: Sequence[str], allowed: frozenset[str] | None) -> list[str]:
    for number, line in enumerate(lines):
        if not line.strip(" \t"):
            return list(lines[number + 1 :])
        name = line.partition(":")[0]
        if number >= _MOST_HEADERS or not _HEADER.fullmatch(line) or (allowed is not None and name not in allowed):
            raise BadArmor("armor headers")
    raise BadArmor("no blank line")


def _packets(lines: Sequence[str], checksum: str) -> bytes:
    if not lines or not all(_BASE64.fullmatch(line) for line in lines):
        raise BadArmor("no base64")
    try:
        data = base64.b64decode("".join(lines), validate=True)
    except binascii.Error:
        raise BadArmor("no base64") from None
    if checksum and base64.b64decode(checksum[1:]) != crc24(data).to_bytes(3, "big"):
        raise BadArmor("checksum")
    return data


def encode(data: bytes, kind: str) -> str:
    """A block without headers."""
    text = base64.b64encode(data).decode()
    rows = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    checksum = base64.b64encode(crc24(data).to_bytes(3, "big")).decode()
    return f"-----BEGIN PGP {kind}-----\n\n{rows}\n={checksum}\n-----END PGP {kind}-----\n"


def _table() -> list[int]:
    table = []
    for value in range(256):
        register = value << 16
        for _ in range(8):
            register <<= 1
            if register & 0x1000000:
                register ^= 0x1864CFB
        table.append(register)
    return table


_CRC24 = _table()


@lru_cache(maxsize=4)  # a signature that was read is written anew at once
def crc24(data: bytes) -> int:
    """The checksum of RFC 4880 §6.1."""
    register = 0xB704CE
    for byte in data:
        register = ((register << 8) & 0xFFFFFF) ^ _CRC24[(register >> 16) ^ byte]
    return register
