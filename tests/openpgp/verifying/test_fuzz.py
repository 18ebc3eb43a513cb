"""Nothing but a verdict comes out of broken input, and never another text."""

import contextlib
import random

import pytest

from challenges.openpgp.verifying import KeyRefused, NotSigned, armor, certificates, cleartext, read_certificate
from tests.openpgp.verifying.material import CERTIFICATES, MESSAGES, NOW, ask_verify, needs_gpg, packets_of

ALPHABET = '-- \t\r\n\f\0=+/AZaz09{}":,\u2028\u00e9\ud800Hash: SHA1BEGINENDPGP'


def mutated(text: str, dice: random.Random) -> str:
    """One to three changes: a character, a slice taken out, doubled or moved, a line."""
    for _ in range(dice.randint(1, 3)):
        start = dice.randrange(len(text))
        end = min(len(text), start + dice.choice([1, 1, 1, 5, 40]))
        piece = text[start:end]
        other = dice.randrange(len(text))
        text = dice.choice([
            text[:start] + dice.choice(ALPHABET) + text[start:],
            text[:start] + dice.choice(ALPHABET) + text[end:],
            text[:start] + text[end:],
            text[:end] + piece + text[end:],
            text[:other] + piece + text[other:],
            text[:start] + "\n" + text[start:],
        ])  # fmt: skip
    return text


def changed(data: bytes, dice: random.Random) -> bytes:
    """Bits turned, bytes put in or taken out."""
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data))
        kind = dice.randrange(4)
        if kind == 0:
            data = data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + dice.randbytes(dice.randint(1, 4)) + data[at:]
        elif kind == 2:
            data = data[:at] + data[at + dice.randint(1, 40) :]
        else:
            data = data[:at] + bytes([dice.choice([0, 0xFF, 0xC2, 0x99])]) + data[at + 1 :]
    return data


def never_another_text(message: str, key: str, tries: int) -> None:
    dice = random.Random(key)
    right = ask_verify(message, key)
    refused = 0
    for _ in range(tries):
        try:
            assert ask_verify(mutated(message, dice), key) == right
        except NotSigned:
            refused += 1
    assert refused > tries / 2


@pytest.mark.parametrize("key", ["rsa2048", "ed25519 legacy", "ed25519 v6", "p256"])
def test_changed_message_gives_no_other_text(key: str) -> None:
    never_another_text(MESSAGES[key], key, 250)


@pytest.mark.parametrize("key", ["ed25519 legacy"])
def test_changed_message_of_lines_gives_no_other_text(key: str) -> None:
    never_another_text(MESSAGES[f"{key} lines"], key, 400)


@needs_gpg
def test_changed_message_gives_no_other_text_through_gpg() -> None:
    never_another_text(MESSAGES["rsa2047 lines"], "rsa2047", 150)


@pytest.mark.parametrize("key", ["ed25519 legacy", "p256", "ed25519 v6", "rsa2048 of 6"])
def test_changed_signature_gives_no_other_text(key: str) -> None:
    """The armor is whole, so that what is changed reaches the packets and the verifier."""
    dice = random.Random(key)
    head, mark, rest = MESSAGES[key].partition("-----BEGIN PGP SIGNATURE-----")
    body = packets_of(mark + rest)
    right = ask_verify(MESSAGES[key], key)
    reached = 0
    for _ in range(300):
        message = head + armor.encode(changed(body, dice), "SIGNATURE")
        try:
            cleartext.read(message)
            reached += 1
            assert ask_verify(message, key) == right
        except NotSigned:
            pass
    assert reached > 30


@pytest.mark.parametrize("seed", range(4))
def test_any_text_as_a_key_is_read_or_refused(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        kind = dice.randrange(3)
        if kind == 0:
            text = "".join(chr(dice.choice([dice.randrange(128), dice.randrange(0x11000)])) for _ in range(80))
        elif kind == 1:
            text = armor.encode(dice.randbytes(dice.randint(1, 300)), certificates.KIND)
        else:
            text = mutated(CERTIFICATES[dice.choice(["rsa2048", "p256", "subkey v6"])], dice)
        for usable in (True, False):
            try:
                read_certificate(text, now=NOW, usable=usable)
            except KeyRefused as refused:
                assert refused.words.endswith(".")


@pytest.mark.parametrize("name", ["rsa2048", "p256", "subkey v6", "ed25519 legacy revoked", "rsa2047 certified"])
def test_changed_packets_of_a_key_are_read_or_refused(name: str) -> None:
    dice = random.Random(name)
    data = packets_of(CERTIFICATES[name])
    for number in range(120):
        text = armor.encode(changed(data, dice), certificates.KIND)
        with contextlib.suppress(KeyRefused):
            read_certificate(text, now=NOW, usable=bool(number % 2) and "2047" not in name)
