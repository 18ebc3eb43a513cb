"""Malformed events leave the process, the socket and the other sockets well (laverna.md §6.2; R43, R44)."""

import json

import pytest

from challenges.openpgp.signaling import consumers, door, exact_json, messages
from challenges.openpgp.signaling.exact_json import Unreadable
from challenges.socketio import Rate
from challenges.socketio.packets import BadPacket

pytestmark = pytest.mark.django_db
KINDS = ["socket", "plain"]
EVENTS = [
    "sendInvite", "removeInvite", "requestOffers", "sendOffer", "sendSignal", "blockUser", "unblockUser", "unknown",
    "__proto__",
]  # fmt: skip
WHOLE = ["", "null", "7", "true", '"text"', "[]", "{}", "[null]", '{"username":null}', '{"username":7}', "[[],{}]"]
TO = '{"username":"bob","deviceId":"phone"}'
DATA = {
    "sendInvite": ['{"username":"bob"}', '{"username":"bob","signature":7}', '{"username":["bob"],"signature":"x"}'],
    "removeInvite": ['{"username":""}', '{"username":" "}', json.dumps({"username": "x" * 256})],
    "requestOffers": ['{"users":null}', '{"users":"bob"}', '{"users":{"0":"bob"}}', '{"users":[null,7,[],{}]}'],
    "sendOffer": [
        '{"username":"bob"}', '{"username":"bob","deviceId":7}', '{"username":"bob","deviceId":""}',
        json.dumps({"username": "bob", "deviceId": "x" * 129}), '{"username":"b\\u0000b","deviceId":"x"}',
        '{"username":"\\ud800","deviceId":"x"}', '{"username":"bob","deviceId":"\\udc00"}',
    ],
    "sendSignal": [
        f'{{"signature":"","to":{TO}}}', f'{{"signal":1,"to":{TO}}}', '{"signal":1,"signature":""}',
        '{"signal":1,"signature":"","to":null}', '{"signal":1,"signature":"","to":"bob"}',
        f'{{"signal":1,"signature":null,"to":{TO}}}', f'{{"signal":1,"signature":"","to":[{TO}]}}',
    ],
    "blockUser": ['{"username":[]}'],
    "unblockUser": ['{"username":{}}'],
}  # fmt: skip
NO_JSON = [
    '{"username":NaN}', '{"a":1,"a":2}', '{"a":{"b":1,"b":2}}', "[" * 2000, "{" * 2000,
    '{"a":' + "[" * 40 + "]" * 40 + "}",
    '{"a":01}', "{'a':1}", '{"a":1', '{"a":"\t"}', '{"a":1}}', json.dumps({f"k{n}": 1 for n in range(5000)}),
    '{"a":\\u0031}',
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_no_data_disturbs_anybody(room, alice, bob, kind):
    peer, other = await room.peer(kind, alice), await room.socket(bob)
    for event in EVENTS:
        for data in [*WHOLE, *DATA.get(event, ())]:
            answer = await peer.ask(event, data)
            assert set(answer) == {"error"}, (event, data, answer)
            assert answer["error"]
    await other.hear_nothing()
    await peer.say("sendSignal", {"signal": 1, "signature": "", "to": other.identity})
    assert (await other.hear())[0] == "signal"


async def test_what_is_no_json_is_refused_over_socket_io_and_the_socket_stays(room, alice):
    peer = await room.socket(alice)
    for data in NO_JSON:
        answer = await peer.ask("sendOffer", data)
        assert "error" in answer, data
    await peer.say_raw("sendOffer", "{")
    peer.web.say('421["connect_error",{}]')
    peer.web.say("42[]")
    peer.web.say("42{}")
    peer.web.say("42")
    peer.web.say('42[7,{"username":"alice"}]')
    await peer.hear_nothing()


async def test_what_is_no_frame_is_told_over_the_plain_websocket_and_the_socket_stays(room, alice):
    peer = await room.plain(alice)
    for number, data in enumerate([*NO_JSON, "}"]):
        await peer.say_raw("sendOffer", data)
        name, told = await peer.hear()
        assert (name, bool(told["message"])) == ("error", True), data
        if number % 4 == 3:  # five in a row end it
            assert await peer.ask("requestOffers", {"users": []}) == {"ok": True}
    for text in (" ", "[]", "7", '"connect"', '{"event":7}', "{}"):
        await peer.web.send_to(text_data=text)
        assert (await peer.hear())[0] == "error"
        assert await peer.ask("requestOffers", {"users": []}) == {"ok": True}


async def test_five_bad_frames_in_a_row_close_the_plain_websocket(room, alice):
    peer = await room.plain(alice)
    for _ in range(5):
        await peer.web.send_to(text_data="x")
        assert (await peer.hear())[0] == "error"
    assert await peer.close_code() == 1008


async def test_attachments_are_refused_and_the_socket_stays(room, alice, bob):
    peer, other = await room.socket(alice), await room.socket(bob)
    place = '{"_placeholder":true,"num":0}'
    events = [
        f'451-3["sendSignal",{{"signal":{place},"signature":"","to":{TO}}}]',
        f'451-4["sendOffer",{{"username":"bob","deviceId":"phone","x":{place}}}]',
        f'451-5["sendOffer",{place}]',
        f'451-6["requestOffers",{{"users":["bob"],"x":{place}}}]',
        '451-7["sendOffer",{"username":"bob","deviceId":"phone"}]',
    ]
    for number, event in enumerate(events, 3):
        peer.web.say(event)
        peer.web.say(b"bytes")
        answer = await peer.web.hear()
        assert answer.startswith(f'43{number}[{{"error"'), answer
    await peer.hear_nothing()
    await other.hear_nothing()


async def test_a_binary_frame_closes_the_plain_websocket(room, alice):
    peer = await room.plain(alice)
    await peer.web.send_to(bytes_data=b"{}")
    assert await peer.close_code() == 1003


@pytest.mark.parametrize("kind", KINDS)
async def test_an_event_may_be_256_kilobytes_and_no_larger(room, alice, bob, kind):
    peer, other = await room.peer(kind, alice), await room.plain(bob)
    event = f'{{"signal":"","signature":"","to":{TO}}}'
    around = {"socket": '2["sendSignal",]', "plain": '{"event":"sendSignal","data":}'}[kind]
    room_left = 256 * 1024 - len(event) - len(around)
    await peer.say_raw("sendSignal", event.replace('""', '"' + "x" * room_left + '"', 1))
    assert len((await other.hear())[1]["signal"]) == room_left
    await peer.say_raw("sendSignal", event.replace('""', '"' + "é" * (room_left // 2 + 1) + '"', 1))
    assert await peer.close_code() == 1009
    await other.hear_nothing()


@pytest.mark.parametrize("kind", KINDS)
async def test_too_many_events_are_told_and_end_the_socket(room, alice, bob, kind, monkeypatch):
    assert (door.SignalDoor.rate.per_second, door.SignalDoor.rate.burst) == (100, 200)
    peer, other = await room.peer(kind, alice), await room.peer(kind, bob)
    with monkeypatch.context() as narrow:
        narrow.setattr(door.SignalDoor, "rate", Rate(per_second=0.0001, burst=3))
        await peer.hear_nothing()
        for _ in range(3):
            await peer.say("nothing", {})
        told = [await peer.hear()]
        while told[-1][1] != {"message": "Too many messages"}:
            told.append(await peer.hear())
        assert told[-1][0] == "error"
        assert await peer.close_code() == 1008
    await other.hear_nothing()


async def test_events_before_connecting_do_nothing(room, alice, bob):
    other = await room.socket(bob)
    token = alice.token()
    web = room.web(f"&username=alice&deviceId=x&token={token}")
    assert (await web.hear())["type"] == "websocket.accept"
    await web.hear()
    web.say(f'421["sendOffer",{TO}]')
    web.say("40")
    assert (await web.hear()).startswith("40")
    web.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
    plain = room.plain_web()
    await plain.connect()
    await plain.send_to(text_data=f'{{"event":"sendOffer","data":{TO}}}')
    assert json.loads(await plain.receive_from())["event"] == "error"
    await plain.disconnect()
    await other.hear_nothing()


async def test_a_fault_of_ours_is_an_acknowledgement_too(room, alice, monkeypatch):
    from challenges.openpgp.signaling import events

    async def broken(*_):
        raise RuntimeError("a secret")

    monkeypatch.setitem(events._WORKS, "sendOffer", broken)
    for kind in KINDS:
        peer = await room.peer(kind, alice, kind)
        answer = await peer.ask("sendOffer", {"username": "bob", "deviceId": "x"})
        assert "secret" not in answer["error"]
        await peer.hear_nothing()


@pytest.mark.parametrize("given", [7, 7.5, "id", "é", "1e5"])
async def test_an_id_comes_back_as_it_was_written(room, alice, given):
    peer = await room.plain(alice)
    raw = given if given == "1e5" else json.dumps(given)
    await peer.web.send_to(text_data=f'{{"id":{raw},"event":"requestOffers","data":{{"users":[]}}}}')
    assert (await peer.hear_raw()).endswith(f'"id":{raw}}}')


async def test_without_an_id_only_what_went_wrong_is_told(room, alice):
    peer = await room.plain(alice)
    for unusable in ("null", "[]", "{}", "[1]", '"' + "x" * 300 + '"'):
        await peer.web.send_to(text_data=f'{{"id":{unusable},"event":"requestOffers","data":{{"users":[]}}}}')
    await peer.web.send_to(text_data='{"event":"sendOffer","data":{}}')
    assert await peer.hear() == ("error", {"message": "username is missing"})


BAD_TEXTS = [
    "", "[", "[]", "{}", '["a"', '["a",]', '["a" "b"]', '["a",{"b":1,"b":2}]', '["a",{"b":{"c":1,"c":2}}]',
    '["a",{"b":NaN}]', '["a"]x', '{"a":1}', '["a",{a:1}]', '["a",{"b"}]', '["a",{"b":01}]', '["a",{"b":"\x01"}]',
    "[" * 5000,
    '["a",' + "[" * 34 + "]" * 34 + "]", '["a",{"b":1}}]', '["a",{"b":"\ud800"}]', '["a",{"b":٣}]', '["a",{"b":tru}]',
    '["a",{"b":-}]', '["a",{"b":1.}]', '["a",{"b":1]', '["a",{"b":1]]', '["a"}', '["a",{,}]', '["a",{"b":1,}]',
    '["a",{"\n":1}]', '["a", {"b":1}', '["a",{"b" 1}]', '["a",{"b\\', '["a",{"b\\u12":1}]', '["a",{"b":1}\x00]',
    '["a"\xa0]',
    '["a",{"b":[' + "{}," * 4 + '"' + "\\" * 3 + '"' + "]}]", '["a",' + "[{" * 20 + "}]" * 20 + ",é]",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_TEXTS, ids=range(len(BAD_TEXTS)))
def test_a_text_that_is_no_json_is_not_cut(text):
    with pytest.raises(Unreadable):
        exact_json.event(text)
    with pytest.raises(BadPacket):
        door.SignalDoor.parse(text)


def test_brackets_and_colons_inside_texts_are_not_counted():
    text = json.dumps("[{:" * 5000 + '"\\')
    found = exact_json.event(f'["a",{{"b":{text},"c":[[[[]]]]}}]')
    assert found[1].raw == {"b": text, "c": "[[[[]]]]"}


def test_a_text_without_an_end_is_gone_through_once():
    """A search that failed at its end would begin again at each quote in it: minutes on the event loop."""
    endless = '"' + '\\"' * 100
    assert exact_json._STRINGS.findall(endless) == [endless]
    with pytest.raises(Unreadable):
        exact_json.event('["a",{"b":' + "[" * 40 + '"' + '\\"' * 120_000)


def test_every_span_is_one_value_of_json():
    """Whatever is cut out means the same between other brackets: nobody can add members to what is relayed."""
    for text in ('["a",{"b":1}, {"c" : [2] },3]', '["a" , {"b":1,"\\u0063":{"d":2}}]'):
        members = exact_json.event(text)[1]
        assert {key: json.loads(raw) for key, raw in members.raw.items()} == json.loads(text)[1]


def test_device_ids_and_names_are_trimmed_as_the_application_does():
    found = messages.handshake(" Bob\ufeff", "\u00a0x y\n", " t ")
    assert (found.username, found.device_id, found.token) == ("bob", "x y", "t")


@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("value", [None, "", " ", "\n"])
def test_an_empty_part_of_the_handshake_is_named(position, value):
    said = ["bob", "x", "t"]
    said[position] = value
    with pytest.raises(messages.Malformed, match=r"^Username/token/deviceId is empty$"):
        messages.handshake(*said)


NOBODYS = [
    ("b\x00", "x", "t"), ("bob", "x" * 129, "t"), ("bob", "x\x7f", "t"), (7, "x", "t"), ("bob", ["x"], "t"),
    ("bob", "x", {}), ("bob", "\ud800", "t"), ("b" * 256, "x", "t"),
]  # fmt: skip


@pytest.mark.parametrize("said", NOBODYS, ids=range(len(NOBODYS)))
def test_what_can_be_nobodys_is_no_handshake(said):
    with pytest.raises(messages.Malformed, match=r"^Authentication error$"):
        messages.handshake(*said)


def test_a_plain_websocket_has_half_a_minute_for_its_token():
    assert consumers._SECONDS_WITHOUT_TOKEN == 30
