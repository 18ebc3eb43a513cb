"""Names, photos and other people's signatures in an uploaded certificate (security.md R34)."""

import pytest

from challenges.openpgp.verifying import minimal, packets, read_certificate, signatures
from tests.openpgp.verifying.material import CERTIFICATES, MESSAGES, NOW, armored, ask_verify, packets_of, parts

KEY = "ed25519 legacy"


def test_photos_and_what_others_signed_are_not_in_the_copy_of_the_makers() -> None:
    photo = packets.Packet(packets.USER_ATTRIBUTE, b"\x02\x01x")
    primary, name, *rest = parts(f"{KEY} certified")
    copy = minimal(armored(primary, name, *rest, photo))
    kept = list(packets.split(packets_of(copy)))
    assert [packet.body for packet in kept] == [packet.body for packet in parts(KEY)]
    assert packets_of(copy) == packets_of(minimal(CERTIFICATES[KEY]))
    assert ask_verify(MESSAGES[KEY], f"{KEY} certified").text


def test_names_that_the_owner_did_not_certify_are_no_names() -> None:
    stranger = packets.Packet(packets.USER_ID, b"Mallory <mallory@example.com>")
    found = parts(KEY)
    assert read_certificate(armored(*found[:3], stranger, *found[3:]), now=NOW).emails == ("bob@example.com",)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("Carol <Carol@Example.COM>", ("carol@example.com",)),
        ("carol@example.com", ("carol@example.com",)),
        ("a@example.com (b@example.org) <c@example.net>", ("a@example.com", "b@example.org", "c@example.net")),
        ("a\nb@example.com\x00c@example.org", ("b@example.com", "c@example.org")),
        ("Carol @ home, a@b@c, @d, e@", ()),
        ("x" * 40_000, ()),  # in no longer than it takes to read it
    ],
)
def test_addresses_are_found_in_names(name: str, addresses: tuple[str, ...]) -> None:
    primary, _, certification, *rest = parts(KEY)
    named = armored(primary, packets.Packet(packets.USER_ID, name.encode()), certification, *rest)
    assert read_certificate(named, now=NOW, usable=False).emails == addresses


def test_line_ends_in_names_do_not_stay() -> None:
    (name,) = read_certificate(CERTIFICATES["forged user id"], now=NOW).user_ids
    assert "\n" not in name
    assert "GOODSIG" in name


def test_revocation_by_a_stranger_changes_nothing() -> None:
    """A designated revoker's, or anybody's: only the owner's own counts here."""
    theirs = next(p for p in parts("rsa2047 revoked") if p.tag == 2 and signatures.read(p.body).type == 0x20)
    found = parts(KEY)
    assert not read_certificate(armored(found[0], theirs, *found[1:]), now=NOW).revoked
