"""The cleartext signature framework, read strictly before any verifier sees it (RFC 9580 §7; laverna.md §4.1). Pure.

Verifiers are lenient here in different ways: text before and after the block, two blocks, unknown headers, form feeds.
What is not exactly one plain block is no signed text. The makers get the message written anew, the same for both.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from challenges.openpgp.verifying import armor, packets, signatures
from challenges.openpgp.verifying.armor import BadArmor
from challenges.openpgp.verifying.packets import BadPacket
from challenges.openpgp.verifying.signatures import HASHES, TEXT, Signature
from challenges.openpgp.verifying.verdicts import NotSigned

MOST_BYTES = 1_048_576
_BEGIN, _SIGNATURE = "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----"
_HASH = re.compile(r"Hash: ?([A-Z0-9-]+(?:, ?[A-Z0-9-]+)*)")
_SIGNATURE_HEADERS = frozenset({"Version", "Comment", "Charset", "MessageID"})
_MOST_HASHES = 8


@dataclass(frozen=True, slots=True)
class Message:
    """A message of one text and one signature. `rewritten` is for the verifiers; the text is theirs to give."""

    signature: Signature
    rewritten: bytes


def read(signed: str) -> Message:
    """The one message in what was sent; NotSigned for everything else."""
    try:
        if len(signed) > MOST_BYTES:
            raise NotSigned("too long")
        lines = armor.lines_of(signed)
        return _message(lines)
    except (BadArmor, BadPacket) as error:
        raise NotSigned(f"framework: {error}") from None
    except UnicodeEncodeError:
        raise NotSigned("no text") from None


def _message(lines: Sequence[str]) -> Message:
    if lines[0] != _BEGIN or _SIGNATURE not in lines or "" not in lines:
        raise BadArmor("no signed message")
    blank, end = lines.index(""), lines.index(_SIGNATURE)
    if blank > end:
        raise BadArmor("no blank line")
    hashes = _hashes(lines[1:blank])
    text = lines[blank + 1 : end]
    if any(line.startswith("-") and not line.startswith("- ") for line in text):
        raise BadArmor("dashes")
    body = armor.decode_lines(lines[end:], "SIGNATURE", headers=_SIGNATURE_HEADERS)
    signature = _signature(body)
    name = HASHES[signature.hash_id]
    if hashes and name not in hashes:
        raise BadArmor("another hash")
    return Message(signature, _rewritten(name if hashes else "", text, body))


def _hashes(lines: Sequence[str]) -> list[str]:
    names: list[str] = []
    for line in lines:
        match = _HASH.fullmatch(line)
        if match is None:
            raise BadArmor("headers")
        names += match[1].replace(" ", "").split(",")
    if len(names) > _MOST_HASHES or not set(names) <= set(HASHES.values()):
        raise BadArmor("a hash that is not good enough")
    return names


def _signature(body: bytes) -> Signature:
    found = list(packets.split(body))
    if [packet.tag for packet in found] != [packets.SIGNATURE]:
        raise BadPacket("not one signature")
    signature = signatures.read(found[0].body)
    if signature.type != TEXT:
        raise BadPacket("no signature over a text")
    if signature.hash_id not in HASHES:
        raise BadPacket("a hash that is not good enough")
    return signature


def _rewritten(name: str, text: Sequence[str], body: bytes) -> bytes:
    """The message with one spelling for everything that its signature does not cover."""
    head = [_BEGIN, f"Hash: {name}", ""] if name else [_BEGIN, ""]
    lines = [*head, *(line.rstrip(" \t") for line in text)]
    return ("\n".join(lines) + "\n" + armor.encode(body, "SIGNATURE")).encode()
