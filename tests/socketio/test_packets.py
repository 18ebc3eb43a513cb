"""Socket.IO packets: reading within bounds, and what an Engine.IO 3 client is told."""

import pytest

from challenges.socketio import packets
from challenges.socketio.packets import BadPacket, Incoming, fill, for_version_3, name_of, read, strict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", Incoming(0, 0, "/", None, "")),
        ('0{"token":"a"}', Incoming(0, 0, "/", None, '{"token":"a"}')),
        ("0/ns?a=1&b=2", Incoming(0, 0, "/ns", None, "")),
        ("0/ns?a=1,", Incoming(0, 0, "/ns", None, "")),
        ('0/ns,{"a":1}', Incoming(0, 0, "/ns", None, '{"a":1}')),
        ("1", Incoming(1, 0, "/", None, "")),
        ('2["a",1]', Incoming(2, 0, "/", None, '["a",1]')),
        ('212["a"]', Incoming(2, 0, "/", 12, '["a"]')),
        ('2/ns,12["a"]', Incoming(2, 0, "/ns", 12, '["a"]')),
        ('2["/a,b-1"]', Incoming(2, 0, "/", None, '["/a,b-1"]')),
        ('52-3["a",{"_placeholder":true,"num":0}]', Incoming(5, 2, "/", 3, '["a",{"_placeholder":true,"num":0}]')),
        ('2["a\nb"]', Incoming(2, 0, "/", None, '["a\nb"]')),
    ],
)
def test_a_packet_is_split(text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    "text", ["", "7", "x", "²", '4{"message":"x"}', '5["a"]', '511-["a"]', '5999-["a"]', '21-["a"]']
)
def test_a_packet_that_is_none_is_refused(text):
    with pytest.raises(BadPacket):
        read(text)


@pytest.mark.parametrize(
    "text",
    ["", "[", "NaN", "[NaN]", "[1e999]", '["\\ud800"]', '["\\u0000"]', '[{"a":1,"a":2}]', "[" * 33 + "]" * 33,
     "[" * 100_000, "[18446744073709551616]", "1" * 5000],
)  # fmt: skip
def test_json_is_read_as_strictly_as_at_every_other_door(text):
    with pytest.raises(BadPacket):
        strict(text)


def test_the_name_of_a_refused_event_can_be_told():
    assert name_of('["confirm_token",{"otp":NaN}]') == "confirm_token"
    assert name_of('[ "a b"]') == ""
    assert name_of("{}") == ""


def test_placeholders_are_filled_with_attachments():
    value = ["a", {"x": [{"_placeholder": True, "num": 1}], "y": {"_placeholder": True, "num": 0}}]
    assert fill(value, [b"0", b"1"]) == ["a", {"x": [b"1"], "y": b"0"}]


@pytest.mark.parametrize("number", [-1, 1, "0", None, 0.0, True])
def test_a_placeholder_of_nothing_is_refused(number):
    with pytest.raises(BadPacket):
        fill([{"_placeholder": True, "num": number}], [b"0"])


@pytest.mark.parametrize(
    ("today", "then"),
    [
        ('0{"sid":"abc"}', "0"),
        ('0/ns,{"sid":"abc"}', "0/ns"),
        ('4{"message":"no \\"way\\" 👋"}', '4"no \\"way\\" 👋"'),
        ('4{"message":"no","data":{"a":1}}', '4{"a":1}'),
        ('4/ns,{"message":"Invalid namespace"}', '4/ns,"Invalid namespace"'),
        ('4"Unable to connect"', '4"Unable to connect"'),
        ('2["a","0{4{"]', '2["a","0{4{"]'),
        ('30["40{}"]', '30["40{}"]'),
        ("1", "1"),
    ],
)
def test_version_3_is_told_what_it_expects(today, then):
    assert for_version_3(today) == then


def test_an_event_is_encoded_whatever_its_text():
    assert packets.encode_event("a", {"b": "👋"}) == '2["a",{"b":"👋"}]'
    assert packets.encode_event("a", "\ud800") == '2["a","\\ud800"]'
    assert packets.encode_event("a", 2**80) == f'2["a",{2**80}]'
