"""Canonical forms of public keys. Pure: protocols and the lists share this file.

The canonical X25519 form is section 1 of the Session specification; the small-order points are RFC 7748 §6.1.
"""

import re

from accounts.errors import Reason, Refusal

_TEXT = re.compile(r"05[0-9a-fA-F]{64}")
_FINGERPRINT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PRIME = 2**255 - 19
# Every canonical u whose X25519 result is 32 zero bytes whatever the private key: anyone could read the challenge.
_SMALL_ORDER = frozenset(
    (
        0,
        1,
        _PRIME - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    )
)


def canonical_x25519(text: object) -> str:
    """`05` and 64 lower-case hex digits, or Refusal FIELD_INVALID (`pubKey`).

    Refuses what is no string of that form, a second spelling of a point, and points of small order.
    """
    if not isinstance(text, str) or not _TEXT.fullmatch(text):
        raise Refusal(Reason.FIELD_INVALID, field="pubKey")
    number = int.from_bytes(bytes.fromhex(text[2:]), "little")
    if number >= _PRIME or number in _SMALL_ORDER:
        raise Refusal(Reason.FIELD_INVALID, field="pubKey")
    return text.lower()


def x25519_bytes(canonical: str) -> bytes:
    """The 32 bytes of the point, without the key type byte."""
    return bytes.fromhex(canonical[2:])


def canonical_fingerprint(text: str) -> str:
    """An OpenPGP fingerprint as 40 or 64 lower-case hex digits, or Refusal FIELD_INVALID."""
    folded = "".join(text.split()).lower()
    if not _FINGERPRINT.fullmatch(folded):
        raise Refusal(Reason.FIELD_INVALID, field="fingerprint")
    return folded
