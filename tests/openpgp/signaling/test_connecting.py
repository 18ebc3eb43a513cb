"""Who comes in, with which texts, and until when (laverna.md §5, §6.5, §6.12; R27, R43, R44, R49)."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from accounts import aio, clock, credentials, devices, relay, rules, tokens, users
from accounts.models import AuditEvent, Device, OpenPGPKey, Token
from challenges.openpgp import jwts, sign_in
from challenges.openpgp.models import Presence
from challenges.openpgp.signaling import admission, consumers, members, presence
from tests.openpgp.signaling.conftest import IP, db

pytestmark = pytest.mark.django_db
EMPTY, REFUSED = "Username/token/deviceId is empty", "Authentication error"


async def refused(room, query, headers=(), version=4, auth=""):
    """What a Socket.IO client is told."""
    web = room.web(query, headers, version)
    assert (await web.hear())["type"] == "websocket.accept"
    assert (await web.hear()).startswith("0{")
    if version == 4:
        web.say(f"40{auth}")
    answer = await web.hear()
    web.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await asyncio.wait([web.task])
    return answer


async def plain_refused(room, data):
    """What a plain client is told, and the code it is closed with."""
    web = room.plain_web()
    await web.connect()
    await web.send_to(text_data=json.dumps({"event": "connect", "data": data}))
    answer = json.loads(await web.receive_from(timeout=20))
    output = await web.receive_output(timeout=20)
    await web.disconnect()
    return answer, output.get("code")


@pytest.mark.parametrize(
    "query",
    [
        "&username=alice&deviceId=x",
        "&username=alice&deviceId=&token=t",
        "&username=%20&deviceId=x&token=t",
        "&token=",
        "&deviceId",
    ],
)
async def test_a_handshake_with_an_empty_part_is_told_so(room, alice, query):
    assert await refused(room, query) == f'44{{"message":"{EMPTY}"}}'
    assert await refused(room, query, version=3) == f'44"{EMPTY}"'


async def test_bad_tokens_of_every_kind_are_told_the_same(room, alice, bob):
    good, expired, revoked = alice.token(), alice.token(), alice.token()
    db(lambda: Token.objects.filter(digest=tokens.digest(expired)).update(expires_at=clock.now()))
    db(lambda: tokens.revoke(Token.objects.filter(digest=tokens.digest(revoked)), reason="test"))
    challenge = db(sign_in.session_token, "alice", ip=IP)
    forged, _ = jwts.auth_text("alice", alice.fingerprint, lifetime=60)  # ours, but no row
    cases = [("alice", "x"), ("alice", expired), ("alice", revoked), ("alice", challenge), ("alice", forged)]
    cases += [("alice", good[:-2]), ("bob", good), ("nobody", good), ("a" * 300, good)]
    for name, token in cases:
        assert await refused(room, f"&username={name}&deviceId=x&token={token}") == f'44{{"message":"{REFUSED}"}}'
        data = {"username": name, "deviceId": "x", "token": token}
        assert await plain_refused(room, data) == ({"event": "connect", "data": {"error": REFUSED}}, 4401)
    assert await refused(room, f"&username=bob&deviceId=x&token={good}", version=3) == f'44"{REFUSED}"'
    assert (await plain_refused(room, {"username": "alice"}))[0]["data"] == {"error": EMPTY}
    assert (await plain_refused(room, None))[0]["data"] == {"error": EMPTY}


def lock(_):
    users.lock(users.get("alice"))


def deny(person):
    rules.add("deny", "fingerprint", person.fingerprint)


def deny_address(_):
    rules.add("deny", "ip", "192.0.2.0/24")


@pytest.mark.parametrize("fate", [lock, deny, deny_address])
async def test_who_is_locked_or_listed_does_not_come_in(room, alice, fate):
    token = alice.token()
    db(fate, alice)
    assert await refused(room, f"&username=alice&deviceId=x&token={token}") == f'44{{"message":"{REFUSED}"}}'


async def test_names_may_stand_in_auth_and_the_token_in_a_header(room, alice):
    bearer = [(b"authorization", f"Bearer {alice.token()}".encode())]
    for query, headers, auth in (
        ("", (), json.dumps({"username": "ALICE ", "deviceId": " x ", "token": alice.token()})),
        ("&username=Alice&deviceId=x", bearer, ""),
        ("&token=wrong", (), json.dumps({"username": "alice", "deviceId": "x", "token": alice.token()})),
    ):
        assert (await refused(room, query, headers, auth=auth)).startswith('40{"sid"')
    await room.until(lambda: members.count() == 0)
    assert await refused(room, "&username=alice&deviceId=x&token=", bearer) == f'44{{"message":"{EMPTY}"}}'


async def test_a_header_alone_is_no_signaling_socket(room, alice):
    assert not room.door.takes(type("Handshake", (), {"names": lambda self, *keys: False})())


async def test_the_plain_websocket_takes_the_token_from_its_header_too(room, alice):
    web = room.plain_web("?username=alice&deviceId=x", [(b"authorization", f"bearer {alice.token()}".encode())])
    assert (await web.connect())[0]
    assert json.loads(await web.receive_from(timeout=20)) == {"event": "connect", "data": {"ok": True}}
    await web.send_to(text_data='{"event":"connect","data":{}}')
    assert "already" in await web.receive_from(timeout=20)
    await web.disconnect()


async def test_a_plain_websocket_without_its_token_is_closed_in_time(room, alice, monkeypatch):
    monkeypatch.setattr(consumers, "_SECONDS_WITHOUT_TOKEN", 0.05)
    web = room.plain_web()
    await web.connect()
    assert (await web.receive_output(timeout=20))["code"] == 4401
    await web.disconnect()
    peer = await room.plain(alice)
    await asyncio.sleep(0.1)
    await peer.hear_nothing()


async def test_refused_attempts_are_in_the_audit_log_without_their_token_and_not_without_end(
    room, alice, standing_clock
):
    for _ in range(15):
        await refused(room, "&username=alice&deviceId=x&token=very-secret")
    rows = db(lambda: list(AuditEvent.objects.filter(event="signaling").values_list("subject", "reason", "ip")))
    assert rows == [("alice", "token-unknown", IP)] * 10 or [row[0] for row in rows] == ["alice"] * 10
    assert not db(lambda: AuditEvent.objects.filter(facts__icontains="very-secret").exists())
    await refused(room, "&username=alice&deviceId=&token=x")
    assert db(lambda: AuditEvent.objects.filter(event="signaling").count()) == 10


@pytest.mark.parametrize("kind", ["socket", "plain"])
async def test_an_account_has_at_most_so_many_sockets_over_all_processes(room, alice, bob, settings, kind):
    settings.SIGNALING_SOCKETS_PER_USER = 2
    first = await room.peer(kind, alice, "a")
    other = presence.open_row, {"process": "another", "ip": IP, "user_id": first.owner.id}
    row = db(lambda: other[0](device_pk=Device.objects.get(device_id="a").pk, **other[1]))
    token = alice.token()
    assert await refused(room, f"&username=alice&deviceId=b&token={token}") == '44{"message":"Too many connections"}'
    data = {"username": "alice", "deviceId": "b", "token": token}
    assert await plain_refused(room, data) == ({"event": "connect", "data": {"error": "Too many connections"}}, 4429)
    await room.peer(kind, bob, "b")
    db(lambda: Presence.objects.filter(pk=row).update(seen_at=clock.after(-91)))
    await room.peer(kind, alice, "b")


async def test_an_address_has_at_most_so_many_sockets_over_both_doors(room, alice, settings):
    settings.SIGNALING_SOCKETS_PER_ADDRESS = 2
    room.door.sockets_per_address = 100
    await room.socket(alice, "a")
    await room.plain(alice, "b")
    answer = await refused(room, f"&username=alice&deviceId=b&token={alice.token()}")
    assert answer == '44{"message":"Too many connections"}'
    web = room.plain_web()
    await web.connect()
    assert (await web.receive_output(timeout=20))["code"] == 4429
    await web.disconnect()
    elsewhere = room.plain_web(address="198.51.100.1")
    assert (await elsewhere.connect())[0]
    await elsewhere.disconnect()


def revoke(person):
    tokens.revoke(Token.objects.filter(user__username=person.name), reason="test")


def remove_key(person):
    user = users.get(person.name)
    users.set_password(user, "correct horse battery", keep=Token.objects.filter(user=user))
    credentials.remove_openpgp_key(user, person.fingerprint)


def deactivate(person):
    users.deactivate(users.get(person.name))


def end_device(person):
    devices.end(Device.objects.filter(user__username=person.name), reason="test")


def rename(person):
    users.User.objects.filter(username=person.name).update(username="other", folded_username="other")
    users.hub.recheck([users.hub.user_group(users.get("other").pk)])


@pytest.mark.parametrize(
    ("fate", "code"),
    [
        (lock, 4401), (revoke, 4401), (remove_key, 4401), (deactivate, 4401), (end_device, 4401), (rename, 4401),
        (deny, 4403), (deny_address, 4403),
    ],
)  # fmt: skip
async def test_live_sockets_end_with_what_they_live_on(room, alice, bob, fate, code):
    peers = [await room.socket(alice), await room.plain(alice, "pc")]
    other = None if fate is deny_address else await room.plain(bob)
    db(fate, alice)
    await room.notices()
    assert [await peer.close_code() for peer in peers] == [code, code]
    if other is not None:
        await other.hear_nothing()
    if fate is rename:
        db(lambda: users.User.objects.filter(username="other").update(username="alice", folded_username="alice"))


async def test_a_busy_server_closes_nobody(room, alice, monkeypatch):
    peer = await room.plain(alice)
    real, calls = admission.stay, []

    def busy(sockets):
        calls.append(sockets)
        if len(calls) == 1:
            raise OSError("the database is away")
        return real(sockets)

    monkeypatch.setattr(admission, "stay", busy)
    monkeypatch.setattr(members, "_PAUSE", 0.01)
    db(users.hub.recheck, [users.hub.EVERYONE])
    await room.notices()
    await room.until(lambda: len(calls) == 2)
    await peer.hear_nothing()


async def test_a_change_of_the_lists_is_looked_at_for_many_sockets_at_once(room, alice, bob, monkeypatch):
    peers = [await room.plain(alice, f"d{number}") for number in range(5)] + [await room.socket(bob)]
    real, calls = admission.stay, []
    monkeypatch.setattr(admission, "stay", lambda sockets: calls.append(len(sockets)) or real(sockets))
    db(rules.add, "deny", "username", "somebody")
    await room.notices()
    await peers[0].hear_nothing()
    assert calls == [6]


@pytest.mark.parametrize("fate", [revoke, deactivate, deny_address])
async def test_what_ends_a_socket_while_it_comes_in_lets_nobody_in(room, alice, monkeypatch, fate):
    """The notice of it may have been read before the socket listens."""
    real = admission.identify

    def identify(*args, **more):
        bearer = real(*args, **more)
        fate(alice)
        return bearer

    monkeypatch.setattr(admission, "identify", identify)
    assert await refused(room, f"&username=alice&deviceId=x&token={alice.token()}") == f'44{{"message":"{REFUSED}"}}'
    assert db(Presence.objects.count) == 0


async def test_a_socket_ends_when_its_token_expires(room, alice, settings):
    peers = [await room.socket(alice), await room.plain(alice, "pc")]
    for member in members._room.members:
        left = member._timer.when() - asyncio.get_running_loop().time()
        assert settings.OPENPGP_TOKEN_LIFETIME - 60 < left <= settings.OPENPGP_TOKEN_LIFETIME
        member.forget_timer()
        member.bearer = replace(member.bearer, expires_at=clock.after(0.01))
        member.expires()
    assert [await peer.close_code() for peer in peers] == [4401, 4401]


async def test_a_token_belongs_to_its_first_device(room, alice):
    token = alice.token()
    first, second = await room.socket(alice, "first", token=token), await room.plain(alice, "second", token=token)
    found = db(lambda: Token.objects.select_related("device").get(digest=tokens.digest(token)).device)
    assert (found.kind, found.device_id, found.last_seen_ip) == (Device.Kind.OPENPGP, "first", IP)
    assert db(lambda: sorted(Device.objects.values_list("device_id", flat=True))) == ["first", "second"]
    db(lambda: devices.end(Device.objects.filter(device_id="second"), reason="test"))
    await room.notices()
    assert await second.close_code() == 4401
    await first.hear_nothing()
    db(lambda: devices.end(Device.objects.filter(device_id="first"), reason="test"))
    await room.notices()
    assert await first.close_code() == 4401
    assert await refused(room, f"&username=alice&deviceId=second&token={token}") == f'44{{"message":"{REFUSED}"}}'


async def test_a_device_is_one_row_however_often_it_comes(room, alice):
    for _ in range(3):
        peer = await room.plain(alice, "phone")
        await peer.leave()
        room.peers.remove(peer)
    await room.plain(alice, "\u200bfamily \U0001f468\u200d\U0001f469")
    names = db(lambda: list(Device.objects.order_by("pk").values_list("device_id", flat=True)))
    assert names[0] == "phone"
    assert names[1].startswith("hashed:")
    assert len(names) == 2


async def test_presence_comes_and_goes_with_the_socket(room, alice):
    peer, other = await room.socket(alice), await room.plain(alice, "pc")
    rows = db(
        lambda: list(presence.fresh().order_by("pk").values_list("user__username", "device__device_id", "process"))
    )
    assert rows == [("alice", "phone", presence.PROCESS), ("alice", "pc", presence.PROCESS)]
    await peer.leave()
    room.peers.remove(peer)
    await room.until(lambda: db(presence.fresh().count) == 1)
    db(lambda: Presence.objects.update(seen_at=clock.after(-80)))
    (member,) = members._room.members
    assert db(presence.refresh, [member.presence_id, 0]) == {member.presence_id}
    assert db(lambda: Presence.objects.get().seen_at) > clock.now() - timedelta(seconds=5)
    db(lambda: Presence.objects.update(seen_at=clock.after(-91)))
    assert db(presence.fresh().count) == 0
    assert db(presence.purge) == 1
    await members._room._return(member)  # as the next refresh does
    assert db(lambda: Presence.objects.get().pk) == member.presence_id
    await other.hear_nothing()


async def test_a_row_that_no_socket_has_grows_stale(room, alice):
    """As one whose socket could not come in after all."""
    await room.plain(alice)
    (member,) = members._room.members
    nobodys = db(presence.open_row, user_id=alice.id, device_pk=member.device_pk, ip=IP)
    db(lambda: Presence.objects.update(seen_at=clock.after(-91)))
    db(presence.refresh, [member.presence_id])
    assert db(lambda: list(presence.fresh().values_list("pk", flat=True))) == [member.presence_id] != [nobodys]


async def test_who_comes_while_rows_are_refreshed_has_one_row(room, alice, monkeypatch):
    monkeypatch.setattr(presence, "REFRESH_SECONDS", 0.01)
    real, looked, may_go_on = aio.call, [], asyncio.Event()

    async def call(function, *args, **more):
        found = await real(function, *args, **more)
        if function is presence.refresh:
            looked.append(found)
            await may_go_on.wait()
        return found

    monkeypatch.setattr(aio, "call", call)
    await room.plain(alice, "first")
    await room.until(lambda: looked)
    await room.plain(alice, "second")
    may_go_on.set()
    await room.until(lambda: len(looked) > 2)
    assert db(Presence.objects.count) == 2


async def test_coming_and_going_costs_few_queries(room, alice, request):
    token, asked = alice.token(), []

    def count(execute, sql, *more):
        asked.append(sql)
        return execute(sql, *more)

    db(lambda: connection.execute_wrappers.append(count))
    request.addfinalizer(lambda: connection.execute_wrappers.remove(count))
    peer = await room.socket(alice, token=token)
    assert len(asked) <= 22, asked
    for _ in range(2):
        await peer.leave()
        room.peers.remove(peer)
        await room.until(members._room._tasks["leave"].done)
        asked.clear()
        peer = await room.socket(alice, token=token)
    assert len(asked) <= 13, asked
    asked.clear()
    await peer.leave()
    room.peers.remove(peer)
    await room.until(members._room._tasks["leave"].done)
    assert len(asked) <= 4, asked


async def test_what_comes_before_the_client_knows_that_it_is_in_waits(room, alice, bob, monkeypatch):
    """A parcel between the rows and the connect packet would reach a client that takes no events yet."""
    sender = await room.plain(alice)
    real = relay.join

    async def join(group, hear):
        await real(group, hear)
        if group == members.device_room(bob.id, "phone"):
            relay.send(group, relay.Parcel("signal", '{"early":1}'))

    monkeypatch.setattr(relay, "join", join)
    phone, laptop = await room.socket(bob), await room.plain(bob)
    assert await phone.hear() == ("signal", {"early": 1})
    assert (await laptop.hear())[1] == {"early": 1}
    await sender.hear_nothing()


async def test_without_the_bus_clients_come_again(room, alice, monkeypatch):
    async def join(group, hear):
        raise relay.Lost

    monkeypatch.setattr(relay, "join", join)
    web = room.web(f"&username=alice&deviceId=x&token={alice.token()}", version=3)
    assert await web.close_code() == 1012
    data = {"username": "alice", "deviceId": "x", "token": alice.token()}
    assert await plain_refused(room, data) == ({"event": "connect", "data": {"error": "Not available"}}, 1012)
    await room.until(lambda: members.count() == 0)


async def test_all_sockets_are_closed_for_another_try_when_the_bus_is_lost(room, alice):
    peers = [await room.socket(alice), await room.plain(alice, "pc")]
    relay._relay.bus_lost()
    assert [await peer.close_code() for peer in peers] == [1012, 1012]


async def test_a_plain_reader_who_is_too_slow_is_dropped_and_the_sender_never_waits(room, alice, bob, monkeypatch):
    """As under uvicorn, whose `send` waits for the reader."""
    sender, phone = await room.socket(alice), await room.plain(bob)
    (member,) = [member for member in members._room.members if member.name == "bob"]
    consumer = member.close.__self__
    reads = asyncio.Event()
    real = consumer.base_send

    async def slow(message):
        if message["type"] == "websocket.send":
            await reads.wait()
        await real(message)

    consumer.base_send = slow
    data = {"signal": "x" * 100_000, "signature": "", "to": phone.identity}
    for _ in range(15):
        assert await sender.ask("sendSignal", data) == {"ok": True}
    assert (await phone.web.receive_output(timeout=20))["code"] == 4408
    assert not reads.is_set()


async def test_keys_of_the_published_row_are_what_tokens_live_on(room, alice):
    """A key blocked by its fingerprint closes its sockets, another's goes on."""
    other = db(lambda: OpenPGPKey.objects.get(fingerprint=alice.fingerprint))
    assert other.is_published
    peer = await room.plain(alice)
    db(rules.add, "deny", "fingerprint", "0" * 40)
    await room.notices()
    await peer.hear_nothing()
