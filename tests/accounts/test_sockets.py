"""The consumer base and the hub: R27, R49, architecture.md §5."""

import pytest
from channels.testing import WebsocketCommunicator

from accounts import clock, hub, tokens, users
from accounts.consumers import SocketConsumer
from accounts.models import Notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    user = users.create("alice")
    tokens.issue(tokens.Minted("secret"), user=user, flow="matrix")
    return user


def test_a_notice_is_delivered_once_and_purged(user):
    hub.recheck([hub.user_group(user.pk)])
    seen = {}
    assert [notice.group for notice in hub.fresh_notices(seen)] == [hub.user_group(user.pk)]
    assert hub.fresh_notices(seen) == []
    assert hub.purge() == 0
    Notice.objects.update(created_at=clock.after(-1200))
    assert hub.purge() == 1


def test_a_notice_is_heard_whatever_the_clocks_say_and_however_late_its_transaction_ends(user, monkeypatch):
    seen = {}
    hub.recheck(["first", "late", "third"])
    late = Notice.objects.get(group="late")
    late.delete()  # its transaction has not ended yet
    assert [notice.group for notice in hub.fresh_notices(seen)] == ["first", "third"]
    late.save(force_insert=True)
    Notice.objects.update(created_at=clock.after(-3000))  # by another machine, whose clock is behind
    assert [notice.group for notice in hub.fresh_notices(seen)] == ["late"]
    monkeypatch.setattr(hub, "_LATE", -1.0)  # a long time later
    assert hub.fresh_notices(seen) == []
    hub.recheck(["fourth"])
    assert [notice.group for notice in hub.fresh_notices(seen)] == ["fourth"]
    assert len(seen) == 2, "no more is remembered than is needed"


def test_group_names_are_hashed_and_typed():
    assert hub.group("device", 1, "a") != hub.group("device", "1:a")
    assert hub.group("user", 1) != hub.group("family", 1)
    assert hub.group("device", "bob@phone", "\ud800").isascii()


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
