"""What each event does, through both doors and from one to the other (laverna.md §5, §6.1, §6.9)."""

import json

import pytest

from accounts import hub, users
from challenges.openpgp.models import Contact
from challenges.openpgp.signaling import members, people
from tests.openpgp.signaling.conftest import db

pytestmark = pytest.mark.django_db
KINDS = ["socket", "plain"]
OK = {"ok": True}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
async def test_a_signal_reaches_the_one_device_it_is_for(room, alice, bob, kind, other):
    sender, phone, laptop = await room.peer(kind, alice), await room.peer(other, bob), await room.peer(kind, bob, "pc")
    data = {"signal": {"type": "offer"}, "signature": "signed", "to": phone.identity, "from": laptop.identity}
    assert await sender.ask("sendSignal", data) == OK
    expected = {"signal": {"type": "offer"}, "signature": "signed", "from": sender.identity}
    assert await phone.hear() == ("signal", expected)
    await laptop.hear_nothing()
    await sender.hear_nothing()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_offer_goes_to_the_device_and_to_who_offers(room, alice, bob, kind):
    sender, phone, other = await room.peer(kind, alice), await room.peer(kind, bob), await room.peer(kind, bob, "pc")
    await sender.say("sendOffer", {"username": "BOB", "deviceId": "phone"})
    assert await phone.hear() == ("offer", {"user": sender.identity, "initiator": False})
    own = {"user": {"username": "BOB", "deviceId": "phone"}, "initiator": True}
    assert await sender.hear() == ("offer", own)
    await other.hear_nothing()


async def test_names_and_objects_may_be_asked_for_offers(room, alice, bob, carol):
    asker, own = await room.socket(alice), await room.plain(alice, "pc")
    bobs = [await room.socket(bob), await room.plain(bob, "pc")]
    phone, laptop = await room.plain(carol), await room.socket(carol, "pc")
    users = ["alice", "Bob ", "bob", {"username": "carol", "deviceId": "pc", "publicKey": "x"}, None, 7, "nobody"]
    await asker.say("requestOffers", {"users": users, "username": "mallory", "deviceId": "x"})
    for peer in (asker, own, *bobs, laptop):
        assert await peer.hear() == ("requestOffer", asker.identity)
        await peer.hear_nothing()
    await phone.hear_nothing()


async def test_an_object_without_a_device_means_all_devices(room, alice, bob):
    asker, devices = await room.socket(alice), [await room.socket(bob), await room.plain(bob, "pc")]
    assert await asker.ask("requestOffers", {"users": [{"username": "bob", "fingerprint": "f"}]}) == OK
    for peer in devices:
        assert await peer.hear() == ("requestOffer", asker.identity)


async def test_at_most_200_people_are_asked_and_each_once(room, alice, bob):
    asker, phone = await room.socket(alice), await room.socket(bob)
    names = [f"n{number}" for number in range(199)]
    assert await asker.ask("requestOffers", {"users": [*names, "bob", *["BOB"] * 300]}) == OK
    assert (await phone.hear())[0] == "requestOffer"
    await phone.hear_nothing()
    assert await asker.ask("requestOffers", {"users": [*names, "bob", "n200"]}) == {"error": "too many users"}
    assert "error" in await asker.ask("requestOffers", {"users": ["bob"] * 1001})
    await phone.hear_nothing()


async def test_requests_for_offers_are_limited(room, alice, bob, standing_clock):
    asker, phone = await room.socket(alice), await room.plain(bob)
    for _ in range(30):
        assert await asker.ask("requestOffers", {"users": ["bob"]}) == OK
        assert (await phone.hear())[0] == "requestOffer"
    other = await room.plain(alice, "pc")
    assert await other.ask("requestOffers", {"users": ["bob"]}) == {"error": "Too many requests, try again later"}
    await phone.hear_nothing()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_for_nobody_is_dropped(room, alice, kind):
    peer = await room.peer(kind, alice)
    for to in ({"username": "nobody", "deviceId": "x"}, {"username": "alice", "deviceId": "gone"}):
        data = {"signal": 1, "signature": "", "to": to}
        assert await peer.ask("sendSignal", data) == OK
    assert await peer.ask("sendOffer", {"username": "nobody", "deviceId": "x"}) == OK
    await peer.hear_nothing()


async def test_a_name_that_looks_like_a_room_gets_nothing_of_others(room, alice, bob):
    """Section 6.1: in the original the name `bob@phone` receives what is for Bob's phone."""
    phone, sender = await room.socket(bob), await room.socket(alice)
    for name in ("bob@phone", members.device_room(bob.id, "phone"), members.user_room(bob.id)):
        await sender.say("sendSignal", {"signal": 1, "signature": "", "to": {"username": name, "deviceId": "phone"}})
    await sender.say("sendSignal", {"signal": 1, "signature": "", "to": {"username": "bob", "deviceId": "phone\x1f"}})
    await sender.hear_nothing()
    await phone.hear_nothing()
    assert members.device_room(1, "2") != members.device_room(12, "")
    assert members.device_room(1, "2") == hub.group("lav-device", 1, "2")


async def test_two_sockets_of_one_device_both_hear(room, alice, bob):
    sender, first, second = await room.socket(alice), await room.socket(bob), await room.plain(bob)
    await sender.say("sendSignal", {"signal": 1, "signature": "", "to": first.identity})
    assert (await first.hear())[1]["signal"] == (await second.hear())[1]["signal"] == 1


async def test_an_order_is_kept(room, alice, bob):
    sender, phone = await room.socket(alice), await room.plain(bob)
    for number in range(100):
        await sender.say("sendSignal", {"signal": number, "signature": "", "to": phone.identity})
    assert [(await phone.hear())[1]["signal"] for _ in range(100)] == list(range(100))


async def test_an_encoding_is_made_once_for_all_sockets_of_a_form(room, alice, bob, monkeypatch):
    from challenges.openpgp.signaling import messages

    made = []
    real = messages.packet
    monkeypatch.setattr(messages, "packet", lambda *parts: made.append(parts) or real(*parts))
    asker = await room.plain(alice)
    devices = [await room.socket(bob, f"d{number}") for number in range(5)]
    await asker.say("requestOffers", {"users": ["bob"]})
    for device in devices:
        await device.hear()
    assert len(made) == 1


async def test_a_name_costs_no_query_when_its_bearer_is_here_and_one_else(room, alice, bob, carol, monkeypatch):
    asked = []
    real = people._look_up
    monkeypatch.setattr(people, "_look_up", lambda names: asked.append(names) or real(names))
    sender, phone = await room.socket(alice), await room.socket(bob)
    for to in (
        phone.identity,
        phone.identity,
        {"username": "carol", "deviceId": "x"},
        {"username": "Carol", "deviceId": "x"},
    ):
        assert await sender.ask("sendSignal", {"signal": 1, "signature": "", "to": to}) == OK
    assert asked == [["carol"]]


async def test_names_that_are_remembered_are_bounded(monkeypatch, alice):
    monkeypatch.setattr(people, "_MOST", 3)
    people.forget()
    for number in range(10):
        await people.find([f"n{number}", "alice"])
    assert len(people._others) <= 3
    people.forget()


async def test_only_contacts_are_reached_where_the_setting_says_so(room, alice, bob, carol, settings, monkeypatch):
    from challenges.openpgp.signaling import events

    monkeypatch.setattr(events, "_CONTACT_SECONDS", -1.0)
    settings.SIGNALING_CONTACTS_ONLY = True
    inviter, phone, stranger = await room.socket(alice), await room.plain(bob), await room.socket(carol)
    to_bob = {"signal": 1, "signature": "", "to": phone.identity}
    to_alice = {"signal": 2, "signature": "", "to": inviter.identity}
    refused = {"error": "Not allowed, or too many"}
    for event, data in (("sendSignal", to_bob), ("sendOffer", phone.identity)):
        assert await inviter.ask(event, data) == refused
    assert await inviter.ask("requestOffers", {"users": ["bob"]}) == OK
    await phone.hear_nothing()
    # While an invitation waits, both may.
    assert await inviter.ask("sendInvite", alice.invitation(bob)) == OK
    assert (await phone.hear())[0] == "invite"
    assert await inviter.ask("sendSignal", to_bob) == OK
    assert (await phone.hear())[1]["signal"] == 1
    assert await phone.ask("sendSignal", to_alice) == OK
    assert (await inviter.hear())[1]["signal"] == 2
    # Off the list, it counts only once its recipient turns to who sent it.
    assert await phone.ask("removeInvite", {"username": "alice"}) == OK
    assert await inviter.ask("sendSignal", to_bob) == refused
    assert await phone.ask("requestOffers", {"users": [{"username": "alice", "publicKey": "k"}]}) == OK
    assert (await inviter.hear())[0] == "requestOffer"
    assert db(lambda: Contact.objects.get().accepted_at) is not None
    assert await inviter.ask("sendSignal", to_bob) == OK
    assert (await phone.hear())[1]["signal"] == 1
    # A third person is no contact of either.
    assert await stranger.ask("sendSignal", to_bob) == refused
    await stranger.say("requestOffers", {"users": ["alice", "bob", "carol"]})
    assert await stranger.hear() == ("requestOffer", stranger.identity)
    await inviter.hear_nothing()
    await phone.hear_nothing()


async def test_who_is_blocked_is_not_heard_and_does_not_learn_it(room, alice, bob):
    sender, phone = await room.socket(alice), await room.plain(bob)
    assert await sender.ask("sendInvite", alice.invitation(bob)) == OK
    assert (await phone.hear())[0] == "invite"
    assert await phone.ask("blockUser", {"username": "Alice"}) == OK
    await room.notices()
    assert await sender.ask("sendInvite", alice.invitation(bob)) == OK
    assert await sender.ask("sendSignal", {"signal": 1, "signature": "", "to": phone.identity}) == OK
    assert await sender.ask("sendOffer", phone.identity) == OK
    assert await sender.ask("requestOffers", {"users": ["bob"]}) == OK
    await phone.hear_nothing()
    assert await phone.ask("unblockUser", {"username": "alice"}) == OK
    await room.notices()
    assert await sender.ask("sendSignal", {"signal": 1, "signature": "", "to": phone.identity}) == OK
    assert (await phone.hear())[0] == "signal"
    assert await phone.ask("blockUser", {"username": "nobody"}) == {"error": "User not found"}
    assert "error" in await phone.ask("blockUser", {"username": "bob"})
    assert "error" in await phone.ask("blockUser", {})


async def test_a_deactivated_account_is_nobody(room, alice, bob):
    sender = await room.socket(alice)
    db(lambda: users.deactivate(users.get("bob")))
    assert await sender.ask("sendOffer", {"username": "bob", "deviceId": "x"}) == OK
    await sender.hear_nothing()


RAW = [
    '{"b":1,"a":{"d":[],"c":{}}}',
    "1e21",
    "1E+2",
    "1.0",
    "-0",
    "0.10",
    "9" * 400,
    "1e400",
    '"\\ud800"',
    '"\\uD83D\\uDE00 \\u0041\\/"',
    '"😀 é \u2028"',
    "[" * 32 + "]" * 32,
    '[ 1 ,\t{ "x" : null } ]',
    "null",
    "false",
    '"]},{\\"from\\":1}"',
    "{}",
    '{"":0,"\\u0000":"\\u0000"}',
    json.dumps({f"k{n}": n for n in range(900)}),
    '"' + "x" * 200_000 + '"',
]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_signal_is_relayed_to_the_letter(room, alice, bob, kind):
    sender, receivers = await room.peer(kind, alice), [await room.socket(bob), await room.plain(bob)]
    signature = '"-----BEGIN\\r\\n\\u00e9 \\ud800"'
    to = '{"deviceId":"phone","username":"bob"}'
    for raw in RAW:
        await sender.say_raw("sendSignal", f'{{"to":{to} , "signature" : {signature},"signal":\n{raw} }}')
        data = f'{{"signal":{raw},"signature":{signature},"from":{{"username":"alice","deviceId":"phone"}}}}'
        assert await receivers[0].hear_raw() == f'42["signal",{data}]'
        assert await receivers[1].hear_raw() == f'{{"event":"signal","data":{data}}}'


async def test_a_client_of_version_3_gets_the_same_text(room, alice, bob):
    sender, old = await room.socket(alice, version=3), await room.socket(bob, version=3)
    await sender.say_raw("sendSignal", '{"signal":1.0,"signature":"","to":{"username":"bob","deviceId":"phone"}}')
    assert '"signal":1.0,' in await old.hear_raw()
