"""The made certificates and messages (vectors/make.mjs), and how a test asks one maker."""

import base64
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from challenges.openpgp.verifying import (
    Certificate,
    Signed,
    armor,
    certificates,
    cleartext,
    gpg,
    packets,
    sequoia,
    signed_texts,
)  # fmt: skip

_WHOLE = json.loads((Path(__file__).parent / "vectors" / "vectors.json").read_text())
NOW = datetime.fromisoformat(_WHOLE["now"])
CERTIFICATES: dict[str, str] = _WHOLE["certificates"]
MESSAGES: dict[str, str] = _WHOLE["messages"]
MAKERS: dict[str, Any] = {"sequoia": sequoia, "gpg": gpg}

needs_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg: install GnuPG 2.2 or later")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def fingerprint(certificate: str) -> str:
    """As our own reading has it."""
    return certificates.known(CERTIFICATES[certificate]).primary.key.fingerprint


def ask(maker: str, message: str, armored: str, *, now: datetime = NOW) -> Signed:
    """What `verify` does, with a maker of the test's choice."""
    read = cleartext.read(message)
    signed_texts.check_times(read.signature, now)
    return signed_texts.judged(MAKERS[maker], read, certificates.known(armored), now=now)


def ask_verify(message: str, certificate: str, *, now: datetime = NOW) -> Signed:
    """`verify`, as a caller has it."""
    return signed_texts.verify(message, CERTIFICATES[certificate], fingerprint=fingerprint(certificate), now=now)


def packets_of(armored: str) -> bytes:
    """The bytes in a block, without any check."""
    lines = [line.strip() for line in armored.strip().splitlines()]
    start = lines.index("") + 1
    return base64.b64decode("".join(line for line in lines[start:-1] if line and not line.startswith("=")))


def armored(*found: packets.Packet) -> str:
    """A public key block of these packets."""
    return armor.encode(b"".join(packet.encode() for packet in found), certificates.KIND)


def parts(name: str) -> list[packets.Packet]:
    return list(packets.split(packets_of(CERTIFICATES[name])))


def shown(certificate: Certificate) -> tuple[str, int | None]:
    return certificate.algorithm, certificate.bits
