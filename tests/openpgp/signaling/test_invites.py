"""Invites: signed by whom they name, stored once, shown until removed (laverna.md §5, §6.7, §6.8)."""

import json
from datetime import timedelta

import pytest

from accounts import clock, retention, rules, users
from accounts.models import OpenPGPKey
from challenges.openpgp.models import Invite
from challenges.openpgp.signaling import contacts, invitations, waiting
from tests.openpgp.signaling.conftest import db, person

pytestmark = pytest.mark.django_db
OK = {"ok": True}


def shown(sender, signature):
    return {
        "signature": signature,
        "username": sender.name,
        "fingerprint": sender.fingerprint,
        "publicKey": sender.armored,
    }


def send(sender, recipient, **changes):
    invitation = sender.invitation(recipient, **changes)
    return db(invitations.send, sender.id, to=recipient.name, signature=invitation["signature"])


def invited_by(recipient, names):
    for name in names:
        sender, fingerprint = users.create(name), name.encode().hex().rjust(40, "0")
        OpenPGPKey.objects.create(user=sender, fingerprint=fingerprint, armored=name, is_published=True)
        Invite.objects.create(sender=sender, recipient_id=recipient.id, fingerprint=fingerprint, signature="s")


def waiting_for(recipient):
    """Who invites the recipient, as a device that comes in is shown it."""
    found = invitations.shown(recipient.id, invitations.pending(recipient.id))
    return [json.loads(data)["username"] for data in found]


def later(seconds, **rows):
    past = clock.now() - timedelta(seconds=seconds)
    db(lambda: Invite.objects.filter(**rows).update(created_at=past, shown_at=past))


@pytest.mark.parametrize("kind", ["socket", "plain"])
async def test_an_invite_reaches_every_device_and_those_that_come_later(room, alice, bob, kind):
    sender, devices = await room.peer(kind, alice), [await room.socket(bob), await room.plain(bob, "pc")]
    data = alice.invitation(bob)
    assert await sender.ask("sendInvite", data | {"fingerprint": "f", "publicKey": "another"}) == OK
    expected = ("invite", shown(alice, data["signature"]))
    for device in devices:
        assert await device.hear() == expected
    later_one = await room.peer(kind, bob, "tablet")
    assert await later_one.hear() == expected
    for device in devices:  # those who were here hear nothing of it
        await device.hear_nothing()
    # An invite that came while connected can be removed on that connection (section 6.8).
    assert await devices[0].ask("removeInvite", {"username": "ALICE"}) == OK
    assert await devices[0].ask("removeInvite", {"username": "alice"}) == OK
    await (await room.peer(kind, bob, "watch")).hear_nothing()
    await sender.hear_nothing()


@pytest.mark.parametrize("kind", ["socket", "plain"])
async def test_who_does_not_read_is_shown_few_of_many_invites(room, bob, kind, monkeypatch):
    names = [f"sender{number}" for number in range(10)]
    db(invited_by, bob, names)
    real, asked = invitations.shown, []
    monkeypatch.setattr(invitations, "shown", lambda user_id, ids: asked.append(len(ids)) or real(user_id, ids))
    with monkeypatch.context() as full:
        full.setattr(waiting, "_ROOM_BYTES", -1)  # as if nothing had been taken yet
        peer = await room.peer(kind, bob)
        assert asked == []
    heard = [await peer.hear() for _ in names]
    assert [(event, data["username"]) for event, data in heard] == [("invite", name) for name in names]
    assert asked == [4, 4, 2]


def test_an_invitation_that_would_fill_the_database_is_not_kept(alice, bob):
    with pytest.raises(invitations.Refusal, match=r"credential-wrong"):
        send(alice, bob, more="x" * 8192)
    assert send(alice, bob, more="x" * 4096) is not None


async def test_an_invitation_of_oneself_is_ignored(room, alice):
    peer = await room.socket(alice)
    assert await peer.ask("sendInvite", alice.invitation(alice)) == OK
    await peer.hear_nothing()
    assert db(Invite.objects.count) == 0


async def test_only_what_the_sender_signed_for_this_recipient_is_stored(room, alice, bob, carol):
    peer, phone = await room.plain(alice), await room.socket(bob)
    right = {"fingerprint": bob.fingerprint, "from": "alice", "to": "bob"}
    wrong = [
        right | {"fingerprint": carol.fingerprint}, right | {"from": "carol"}, right | {"to": "carol"},
        right | {"from": None}, {"from": "alice", "to": "bob"}, [right], "text", 7, None, right | {"fingerprint": {}},
    ]  # fmt: skip
    signatures = [alice.signed(json.dumps(said)) for said in wrong]
    signatures += [alice.signed("no json"), alice.signed("[" * 20_000), carol.signed(right), "x", json.dumps(right)]
    signatures += [alice.signed(right).replace("alice", "alicf"), alice.signed(right) * 2, "\ud800", "a\x00"]
    for signature in signatures:
        data = json.dumps({"username": "bob", "signature": signature})
        answer = await peer.ask("sendInvite", data)
        assert answer in ({"error": "Invalid signature"}, {"error": "Too many requests, try again later"}), signature
        db(invitations.throttle.forget)
    assert await peer.ask("sendInvite", {"username": "nobody", "signature": "x"}) == {"error": "User not found"}
    assert db(Invite.objects.count) == 0
    await phone.hear_nothing()


def test_capitals_of_names_and_fingerprints_do_not_matter(alice, bob):
    signature = alice.signed({"fingerprint": bob.fingerprint.upper(), "from": "Alice", "to": "BOB"})
    assert invitations.send(alice.id, to="bob", signature=signature) is not None


def test_a_repeat_is_one_row_and_live_at_most_once_a_minute(alice, bob, settings, standing_clock):
    settings.RATE_LIMIT_SCALE = 100
    assert send(alice, bob) is not None
    assert [send(alice, bob) for _ in range(3)] == [None, None, None]
    assert Invite.objects.count() == 1
    later(59)
    assert send(alice, bob) is None
    later(61)
    assert send(alice, bob) is not None
    assert send(alice, bob) is None
    invitations.remove(bob.id, sent_by="alice")
    assert send(alice, bob) is not None, "once removed, the next one is new"
    assert Invite.objects.count() == 1


def test_at_most_so_many_wait_for_one_recipient(alice, bob, carol, settings):
    settings.SIGNALING_PENDING_INVITES = 1
    assert send(alice, bob) is not None
    with pytest.raises(invitations.Refusal, match=r"forbidden|FORBIDDEN"):
        send(carol, bob)
    assert send(alice, bob) is None
    assert send(carol, alice) is not None
    invitations.remove(bob.id, sent_by="alice")
    assert send(carol, bob) is not None


def test_a_sender_invites_so_often_a_minute(alice, bob, standing_clock):
    for _ in range(20):
        send(alice, bob)
    with pytest.raises(invitations.Refusal) as caught:
        send(alice, bob)
    assert caught.value.reason is invitations.Reason.RATE_LIMITED
    send(bob, alice)


def test_invites_expire_and_are_purged(alice, bob, carol, settings):
    send(alice, bob)
    send(carol, bob)
    later(settings.SIGNALING_INVITE_LIFETIME + 1, sender=alice.id)
    assert waiting_for(bob) == ["carol"]
    assert retention.purge_all()["invites"] == 1
    assert Invite.objects.get().sender.username == "carol"
    later(settings.SIGNALING_INVITE_LIFETIME + 1)
    assert send(carol, bob) is not None, "an expired one does not stand in the way"
    later(settings.SIGNALING_INVITE_LIFETIME + 1)
    settings.SIGNALING_INVITE_LIFETIME = 0
    assert len(invitations.pending(bob.id)) == 1
    assert invitations.purge() == 0


def lock(sender):
    users.lock(users.get(sender.name))


def deactivate(sender):
    users.deactivate(users.get(sender.name))


def revoke_key(sender):
    OpenPGPKey.objects.filter(fingerprint=sender.fingerprint).update(revoked_at=clock.now())


def let_key_expire(sender):
    OpenPGPKey.objects.filter(fingerprint=sender.fingerprint).update(expires_at=clock.now())


def publish_another(sender):
    OpenPGPKey.objects.filter(fingerprint=sender.fingerprint).update(is_published=False)
    OpenPGPKey.objects.create(user=users.get(sender.name), fingerprint="0" * 40, armored="another")


def deny_key(sender):
    rules.add("deny", "fingerprint", sender.fingerprint)


def deny_name(sender):
    rules.add("deny", "username", "ali*", flow="openpgp")


def block(sender):
    contacts.block(users.get("bob").pk, name=sender.name)


@pytest.mark.parametrize(
    "fate", [lock, deactivate, revoke_key, let_key_expire, publish_another, deny_key, deny_name, block]
)
def test_invites_of_a_sender_who_is_no_longer_what_they_were_are_not_shown(alice, bob, carol, fate):
    send(alice, bob)
    send(carol, bob)
    fate(alice)
    assert waiting_for(bob) == ["carol"]


def test_what_is_shown_has_the_key_of_today(alice, bob):
    send(alice, bob)
    OpenPGPKey.objects.filter(fingerprint=alice.fingerprint).update(armored="a newer copy")
    assert json.loads(invitations.shown(bob.id, invitations.pending(bob.id))[0])["publicKey"] == "a newer copy"


def test_a_suspended_account_invites_nobody(alice, bob):
    users.suspend(users.get("alice"))
    with pytest.raises(invitations.Refusal):
        send(alice, bob)


def test_nobody_is_told_of_an_invitation_while_locked(alice, bob):
    users.lock(users.get("bob"))
    assert send(alice, bob) is None
    assert Invite.objects.count() == 0


async def test_a_hundred_long_invites_reach_a_client_that_reads(room, alice, bob, monkeypatch):
    """Together they are larger than what may wait for a client, so they are sent as it takes them."""
    real, several = invitations.pending, invitations.shown
    send(alice, bob)
    db(lambda: OpenPGPKey.objects.filter(fingerprint=alice.fingerprint).update(armored="k" * 60_000))
    monkeypatch.setattr(invitations, "pending", lambda recipient: real(recipient) * 30)
    monkeypatch.setattr(invitations, "shown", lambda recipient, ids: several(recipient, ids) * len(ids))
    for kind in ("socket", "plain"):
        phone = await room.peer(kind, bob, kind)
        for _ in range(30):
            assert (await phone.hear())[0] == "invite"
        await phone.hear_nothing()


def test_the_block_list_is_by_name_and_bounded(alice, bob, carol, monkeypatch):
    monkeypatch.setattr(contacts, "MOST_BLOCKED", 2)
    contacts.block(bob.id, name="carol")
    contacts.block(bob.id, name="alice")
    assert contacts.blocked(bob.id) == ["alice", "carol"]
    with pytest.raises(contacts.Refusal):
        contacts.block(bob.id, name=person("dave").name)
    assert contacts.deaf_to(alice.id) == {bob.id}
    contacts.unblock(bob.id, name="alice")
    assert contacts.deaf_to(alice.id) == frozenset()
    assert contacts.blocked(alice.id) == []
