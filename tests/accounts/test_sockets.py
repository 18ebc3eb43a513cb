"""The consumer base and the hub: R27, R49, architecture.md §5."""

import asyncio

import pytest
from channels.testing import WebsocketCommunicator

from accounts import clock, hub, rules, token_rows, tokens, users
from accounts.consumers import SocketConsumer
from accounts.models import Notice, Token

pytestmark = pytest.mark.django_db


class Echo(SocketConsumer):
    """A socket that lives on the token in its first frame."""

    flow = "matrix"

    async def receive(self, text_data=None, bytes_data=None):
        bearer = token_rows.find(tokens.digest(text_data), flow="matrix", kind="access", moment=clock.now())
        await self.live_on(bearer)
        await self.send("alive")

    async def on_event(self, event, data):
        await self.send(f"{event} {data['n']}")


@pytest.fixture
def user():
    user = users.create("alice")
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix")
    return user


def end_all(user):
    users.end_all_sessions(user)


def ban_name(user):
    rules.add("deny", "username", "alice", flow="matrix")


def ban_address(user):
    rules.add("deny", "ip", "192.0.2.0/24")


def lock(user):
    users.lock(user)


def whitelist_nobody(user):
    rules.set_mode("matrix", whitelist=True)


def revoke_another(user):
    tokens.issue(tokens.Minted("other"), user=user, flow="matrix")
    tokens.revoke(Token.objects.filter(digest=tokens.digest("other")), reason="test")


@pytest.mark.parametrize(
    ("fate", "code"),
    [
        (end_all, 4401),
        (ban_name, 4403),
        (ban_address, 4403),
        (lock, 4401),
        (whitelist_nobody, 4403),
        (revoke_another, None),
    ],
)
def test_a_live_socket_ends_with_what_it_lives_on(user, fate, code, monkeypatch):
    loop = asyncio.new_event_loop()

    def run(step):
        return loop.run_until_complete(step)

    socket = WebsocketCommunicator(Echo.as_asgi(), "/")
    socket.scope["client"] = ("192.0.2.9", 1)
    monkeypatch.setattr(token_rows, "find", _outside_the_loop(token_rows.find))
    connected, _ = run(socket.connect())
    assert connected
    run(socket.send_to(text_data="secret"))
    assert run(socket.receive_from()) == "alive"
    fate(user)

    async def hear():
        _deliver()
        return None if await socket.receive_nothing(0.3) else await socket.receive_output()

    output = run(hear())
    assert (output["code"] if output else None) == code
    run(socket.disconnect())
    loop.close()
    assert hub._here == {}


def _deliver():
    """What the background thread does every half second, here inside the loop of the test."""
    for notice in _outside_the_loop(hub.fresh_notices)({}):
        hub.deliver_here(notice.group, notice.event, notice.data)


def _outside_the_loop(function):
    def call(*arguments, **more):
        loop = asyncio.get_running_loop()
        asyncio.events._set_running_loop(None)
        try:
            return function(*arguments, **more)
        finally:
            asyncio.events._set_running_loop(loop)

    return call


def test_a_notice_is_delivered_once_and_purged(user):
    hub.recheck([hub.user_group(user.pk)])
    seen = {}
    assert [notice.group for notice in hub.fresh_notices(seen)] == [hub.user_group(user.pk)]
    assert hub.fresh_notices(seen) == []
    assert hub.purge() == 0
    Notice.objects.update(created_at=clock.after(-120))
    assert hub.purge() == 1


def test_group_names_are_hashed_and_typed():
    assert hub.group("device", 1, "a") != hub.group("device", "1:a")
    assert hub.group("user", 1) != hub.group("family", 1)
    assert hub.group("device", "bob@phone", "\ud800").isascii()


async def test_an_event_published_to_a_group_reaches_its_sockets():
    class Joined(SocketConsumer):
        async def connect(self):
            await self.channel_layer.group_add("g", self.channel_name)
            await self.accept()

        async def on_event(self, event, data):
            await self.send(f"{event} {data['n']}")

    socket = WebsocketCommunicator(Joined.as_asgi(), "/")
    await socket.connect()
    for n in range(3):
        await hub.publish("g", "tick", {"n": n})
    assert [await socket.receive_from() for _ in range(3)] == ["tick 0", "tick 1", "tick 2"]
    await socket.disconnect()


async def test_a_socket_message_hops_through_no_thread(monkeypatch):
    import channels.consumer

    async def forbidden():
        raise AssertionError("the stock detour")

    monkeypatch.setattr(channels.consumer, "aclose_old_connections", forbidden)

    class Plain(SocketConsumer):
        async def receive(self, text_data=None, bytes_data=None):
            await self.send(text_data)

    socket = WebsocketCommunicator(Plain.as_asgi(), "/")
    await socket.connect()
    await socket.send_to(text_data="hello")
    assert await socket.receive_from() == "hello"
    await socket.disconnect()
