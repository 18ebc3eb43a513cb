"""Polling bodies and frames of both versions (specs/socketio.md §2)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from challenges.socketio.framing import BadFraming, decode, encode, frame, unframe, units

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def octets(*packets):
    """As engine.io-parser 2 writes them: kind, digits, 255, content."""
    return b"".join(
        bytes([isinstance(packet, bytes)]) + bytes(int(digit) for digit in str(len(content))) + b"\xff" + content
        for packet in packets
        for content in [b"\x04" + packet if isinstance(packet, bytes) else packet.encode()]
    )


@pytest.mark.parametrize(
    ("text", "length"), [("", 0), ("a", 1), ("é", 1), ("漢", 1), ("👋", 2), ("👩‍🚀", 5), ("\ufeff", 1)]
)
def test_lengths_count_utf16_code_units(text, length):
    assert units(text) == length
    assert encode(3, [f"4{text}"]) == f"{length + 1}:4{text}".encode()
    assert decode(3, f"{length + 1}:4{text}".encode(), octets=False) == [f"4{text}"]


@given(st.lists(TEXTS.map("4".__add__) | st.binary(max_size=40), min_size=1, max_size=16))
def test_a_body_of_version_3_is_read_as_it_was_written(packets):
    assert decode(3, encode(3, packets), octets=False) == packets
    assert decode(3, octets(*packets), octets=True) == packets


@given(
    st.lists(TEXTS.map(lambda text: "4" + text.replace("\x1e", "")) | st.binary(max_size=40), min_size=1, max_size=16)
)
def test_a_body_of_version_4_is_read_as_it_was_written(packets):
    assert decode(4, encode(4, packets), octets=False) == packets


@given(st.binary(max_size=60), st.sampled_from([3, 4]), st.booleans())
def test_any_body_is_read_or_refused(body, version, as_octets):
    try:
        packets = decode(version, body, octets=as_octets)
    except BadFraming:
        return
    assert packets
    assert all(isinstance(packet, bytes) or packet[0] in "123456" for packet in packets)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"4", b":4a", b"0:", b"2:4", b"3:4a", b"1:4a", b"-1:4", b"+2:4a", b"2 :4a", b"2:4a2:4",
        "²:4a".encode(), b"999999999:4", b"2:xa", b"2:7a", b"4:b4!!", b"\xff", b"2:0{",
        "1:👋".encode(), "2:4👋".encode(),
    ],
)  # fmt: skip
def test_a_body_that_is_no_body_of_version_3_is_refused(body):
    with pytest.raises(BadFraming):
        decode(3, body, octets=False)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00", b"\x02\x01\xff4", b"\x00\xff4", b"\x00\x0a\xff4", b"\x00\x02\xff4", b"\x01\x01\xff5",
     b"\x00\x01\xff\xff", b"\x01\x00\xff", b"\x00" + b"\x01" * 9 + b"\xff4", b"d=1%3A4"],
)  # fmt: skip
def test_octets_that_are_no_packets_are_refused(body):
    with pytest.raises(BadFraming):
        decode(3, body, octets=True)


@pytest.mark.parametrize("body", [b"", b"\x1e", b"4a\x1e", b"x", b"b!", b"bYQ", b"\xc3(", b"8", "²".encode()])
def test_a_body_that_is_no_body_of_version_4_is_refused(body):
    with pytest.raises(BadFraming):
        decode(4, body, octets=False)


def test_more_than_16_packets_are_refused():
    assert len(decode(4, b"\x1e".join([b"4"] * 16), octets=False)) == 16
    assert len(decode(3, b"1:4" * 16, octets=False)) == 16
    assert len(decode(3, octets(*["4"] * 16), octets=True)) == 16
    for version, body, as_octets in [
        (4, b"\x1e".join([b"4"] * 17), False),
        (3, b"1:4" * 17, False),
        (3, octets(*["4"] * 17), True),
    ]:
        with pytest.raises(BadFraming):
            decode(version, body, octets=as_octets)


def test_binary_goes_out_as_base64():
    data = bytes(range(256))
    coded = base64.b64encode(data).decode()
    assert encode(4, ["451-", data]) == f"451-\x1eb{coded}".encode()
    assert encode(3, [data]) == f"{len(coded) + 2}:b4{coded}".encode()


def test_a_frame_of_version_3_marks_binary_with_its_type():
    assert frame(3, b"\x01") == b"\x04\x01"
    assert frame(4, b"\x01") == b"\x01"
    assert frame(3, "4a") == "4a"
    assert unframe(3, b"\x04\x01") == b"\x01"
    assert unframe(4, b"\x04\x01") == b"\x04\x01"
    assert unframe(3, "b4AQ==") == b"\x01"
    for content in (b"", b"\x05a", "", "x"):
        with pytest.raises(BadFraming):
            unframe(3, content)
