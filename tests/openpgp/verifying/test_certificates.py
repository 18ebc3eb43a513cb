"""What an uploaded key is, and why one is refused (laverna.md §2; security.md R34)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pysequoia
import pytest

from challenges.openpgp.verifying import (
    KeyRefused,
    armor,
    certificates,
    gpg,
    packets,
    read_certificate,
    sequoia,
    signatures,
)  # fmt: skip
from tests.openpgp.verifying.material import (
    CERTIFICATES,
    MESSAGES,
    NOW,
    armored,
    fingerprint,
    needs_gpg,
    packets_of,
    parts,
    seconds,
    shown,
)  # fmt: skip

KEY = "ed25519 legacy"
KINDS: dict[str, tuple[str, int | None]] = {
    "rsa2048": ("RSA", 2048),
    "rsa2048 of 6": ("RSA", 2048),
    "rsa4096": ("RSA", 4096),
    "ed25519 legacy": ("EdDSA", None),
    "ed25519": ("Ed25519", None),
    "ed25519 v6": ("Ed25519", None),
    "p256": ("ECDSA P-256", None),
    "p256 v6": ("ECDSA P-256", None),
    "p384": ("ECDSA P-384", None),
    "p521": ("ECDSA P-521", None),
    "subkey": ("EdDSA", None),
}


def read(name: str, **how: Any) -> Any:
    return read_certificate(CERTIFICATES[name], now=how.pop("now", NOW), **how)


def words_for(armored: str, *, now: datetime = NOW, usable: bool = True) -> str:
    with pytest.raises(KeyRefused) as refused:
        read_certificate(armored, now=now, usable=usable)
    return refused.value.words


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_keys_are_told(name: str) -> None:
    assert shown(read(name)) == KINDS[name]


@needs_gpg
def test_a_modulus_of_2047_bits_is_taken() -> None:
    certificate = read("rsa2047")
    assert shown(certificate) == ("RSA", 2047)
    assert certificate.expires_at is None


@needs_gpg
def test_a_modulus_of_6144_bits_is_taken() -> None:
    assert shown(read("rsa6144")) == ("RSA", 6144)


@pytest.mark.parametrize("name", KINDS)
def test_fingerprint_is_the_one_that_others_compute(name: str) -> None:
    theirs = pysequoia.Cert.from_bytes(CERTIFICATES[name].encode()).fingerprint
    assert read(name).fingerprint == theirs
    assert len(theirs) == (64 if "v6" in name else 40)


def test_certificate_says_what_it_holds() -> None:
    certificate = read("rsa2048")
    assert certificate.user_ids == ("Alice <Alice@Example.com>",)
    assert certificate.emails == ("alice@example.com",)
    assert certificate.created_at == datetime(2024, 4, 1, 12, tzinfo=UTC)
    assert certificate.armored == CERTIFICATES["rsa2048"]
    assert not certificate.revoked


@pytest.mark.parametrize("name", ["rsa2047 prolonged", "ed25519 legacy prolonged"])
def test_the_newest_signature_says_when_a_key_ends(name: str) -> None:
    assert read(name, usable=False).expires_at == datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("private", "private key"),
        ("two keys", "more than one key"),
        ("rsa1024", "this one has 102"),
        ("dsa", "kind of key"),
        ("ed448", "kind of key"),
        ("secp256k1", "kind of key"),
        ("no signing key", "cannot sign"),
        ("bound by sha1", "no longer safe"),
        ("rsa2047 expired", "has expired"),
        ("rsa2047 revoked", "been revoked"),
        ("rsa2047 retired", "been revoked"),
        ("ed25519 legacy expired", "has expired"),
        ("ed25519 legacy revoked", "been revoked"),
        ("ed25519 legacy retired", "been revoked"),
    ],
)
def test_key_is_refused_in_words(name: str, words: str) -> None:
    assert words in words_for(CERTIFICATES[name])


@pytest.mark.parametrize("name", ["rsa2047", "ed25519 legacy"])
def test_ended_key_is_read_where_it_need_not_be_usable(name: str) -> None:
    assert read(f"{name} revoked", usable=False).revoked
    assert read(f"{name} retired", usable=False).revoked
    assert read(f"{name} expired", usable=False).expires_at == datetime(2024, 4, 30, 12, tzinfo=UTC)
    assert read(f"{name} revoked", usable=False).fingerprint == fingerprint(name)


def test_private_key_is_refused_however_it_is_wrapped() -> None:
    block = packets_of(CERTIFICATES["private"])
    for text in (CERTIFICATES["private"], armor.encode(block, certificates.KIND)):
        for usable in (True, False):
            assert "private key" in words_for(text, usable=usable)


def test_private_subkey_is_refused() -> None:
    secret = next(packet for packet in packets.split(packets_of(CERTIFICATES["private"])) if packet.tag == 7)
    assert "private key" in words_for(armored(*parts("rsa2048"), secret))


def test_a_key_of_another_day_to_come_is_refused() -> None:
    assert "in the future" in words_for(CERTIFICATES[KEY], now=NOW - seconds(31 * 86400))


@pytest.mark.parametrize("name", ["ed25519 legacy", pytest.param("rsa2047", marks=needs_gpg)])
def test_a_key_made_this_very_second_is_taken(name: str) -> None:
    """openpgp.js 2 rounds its time up: the key is from the future by less than a second."""
    made = read(name).created_at
    assert read(name, now=made - seconds(0.5)).created_at == made


def test_subkey_alone_signs_where_the_primary_key_does_not() -> None:
    for ended in ("subkey expired", "subkey revoked"):
        assert read(f"{KEY} {ended}").algorithm == "EdDSA"  # the primary key signs
    loaded = certificates.known(CERTIFICATES[f"{KEY} subkey revoked"])
    assert [bound.key.fingerprint for bound in loaded.signing(NOW)] == [loaded.primary.key.fingerprint]


CHANGES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "words": lambda _: "here is my key",
    "text before": lambda text: f"x\n{text}",
    "text after": lambda text: f"{text}\nx",
    "two blocks": lambda text: text + text,
    "another block": lambda _: MESSAGES[f"{KEY} detached"],
    "no end": lambda text: text.rsplit("\n", 3)[0],
    "wrong checksum": lambda text: text.replace(text[text.rindex("\n=") + 2 :][:4], "AAAA"),
    "cut short": lambda text: armor.encode(packets_of(text)[:-3], certificates.KIND),
    "bytes after": lambda text: armor.encode(packets_of(text) + b"\0\0", certificates.KIND),
    "form feed": lambda text: text.replace("\n", "\f\n", 1),
    "lone surrogate": lambda text: text.replace("\n\n", "\nComment: \ud800\n\n", 1),
    "a user id first": lambda _: armored(*reversed(parts(KEY))),
    "a message in it": lambda text: armor.encode(packets_of(text) + b"\xcb\x01x", certificates.KIND),
    "version 3": lambda _: armored(packets.Packet(6, b"\x03" + parts(KEY)[0].body[1:]), *parts(KEY)[1:]),
    "version 5": lambda _: armored(packets.Packet(6, b"\x05" + parts(KEY)[0].body[1:]), *parts(KEY)[1:]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_text_that_is_no_certificate_is_refused(change: str) -> None:
    edited = CHANGES[change](CERTIFICATES["rsa2048 of 6" if change == "wrong checksum" else KEY])
    if change == "wrong checksum":
        assert "=AAAA" in edited
    for usable in (True, False):
        assert words_for(edited, usable=usable)


def test_armor_may_have_headers_crlf_and_space_around() -> None:
    text = CERTIFICATES[KEY].replace("\n\n", "\nComment: Bob <bob@example.com> – é\n\n", 1)
    assert read_certificate(f"\r\n {text.replace(chr(10), chr(13) + chr(10))}\r\n\r\n", now=NOW).emails


def test_large_key_is_refused_and_one_of_64_kib_is_read() -> None:
    filler = packets.Packet(packets.PADDING, b"x" * 47_000)
    assert read_certificate(armored(*parts(KEY), filler), now=NOW).fingerprint == fingerprint(KEY)
    assert "too large" in words_for(armored(*parts(KEY), packets.Packet(packets.PADDING, b"x" * 49_000)))


@needs_gpg
def test_key_for_gpg_has_to_fit_into_a_line_that_gpg_reads() -> None:
    padded = armored(*parts("rsa2047"), packets.Packet(packets.PADDING, b"x" * 10_000))
    assert len(padded) > certificates.MOST_CHARACTERS_FOR_GPG
    assert "14000 characters" in words_for(padded)


@pytest.mark.parametrize("tag", [packets.USER_ID, packets.PUBLIC_SUBKEY])
def test_a_key_has_fifty_parts_at_most(tag: int) -> None:
    body = b"Bob" if tag == packets.USER_ID else parts(KEY)[0].body
    already = sum(packet.tag == tag for packet in parts(KEY))
    more = [packets.Packet(tag, body)] * (50 - already)
    assert read_certificate(armored(*parts(KEY), *more), now=NOW).fingerprint == fingerprint(KEY)
    assert "too many" in words_for(armored(*parts(KEY), *more, more[0]))


def test_key_without_a_good_binding_is_refused() -> None:
    """The signature over the user id says SHA-512 and is by another key's numbers."""
    found = parts(KEY)
    broken = [packets.Packet(2, p.body[:-1] + bytes([p.body[-1] ^ 1])) if p.tag == 2 else p for p in found]
    assert "not in order" in words_for(armored(*broken))


@needs_gpg
def test_key_for_gpg_without_a_good_binding_is_refused() -> None:
    found = parts("rsa2047")
    broken = [packets.Packet(2, p.body[:-1] + bytes([p.body[-1] ^ 1])) if p.tag == 2 else p for p in found]
    assert "not in order" in words_for(armored(*broken))


def test_rsa_with_a_long_exponent_is_no_key() -> None:
    """Every verification would cost as much as a signature."""
    number = (1 << 2047) + 1
    value = (2048).to_bytes(2, "big") + number.to_bytes(256, "big")
    body = b"\x04" + bytes(4) + b"\x01" + value + value
    assert "readable" in words_for(armored(packets.Packet(6, body)))


def test_two_subpackets_of_a_kind_make_no_signature() -> None:
    once = b"\x05\x02" + bytes(4)
    body = b"\x04\x01\x01\x08" + len(once * 2).to_bytes(2, "big") + once * 2 + bytes(4)
    with pytest.raises(packets.BadPacket):
        signatures.read(body)


def test_uploads_do_not_drive_stored_keys_out_of_memory() -> None:
    certificates.known.cache_clear()
    sequoia._cert.cache_clear()
    for name in KINDS:
        read(name)
    assert certificates.known.cache_info().currsize == sequoia._cert.cache_info().currsize == 0


def test_without_gpg_a_short_rsa_key_is_refused_with_advice(settings: Any) -> None:
    settings.OPENPGP_GPG = "/nowhere/gpg"
    assert not gpg.is_here()
    assert "2047" in words_for(CERTIFICATES["rsa2047"])
    assert "Make a new key" in words_for(CERTIFICATES["rsa2047"])
    assert read("rsa2048").bits == 2048
    assert read("rsa2047", usable=False).bits == 2047
