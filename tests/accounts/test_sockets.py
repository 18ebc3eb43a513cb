"""The consumer base and the hub: R27, R49, architecture.md §5."""

import time

import pytest
from channels.testing import WebsocketCommunicator

from accounts import clock, hub, policy, rules, tokens, users
from accounts.consumers import SocketConsumer
from accounts.models import Notice, Revision
from accounts.policy import Subject
from idp import background

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


def test_who_hears_of_a_change_decides_by_the_lists_as_they_are_now(user):
    person = Subject(username="alice")
    assert policy.decide("openpgp", person).admitted
    change_elsewhere()
    assert policy.decide("openpgp", person).admitted, "remembered for half a second"
    hub.recheck([hub.user_group(user.pk)])

    class Loop:
        def call_soon_threadsafe(self, *_: object) -> None:
            assert not policy.decide("openpgp", person).admitted

    background._deliver(Loop(), {})


def change_elsewhere() -> None:
    """A deny of another process: this one has not heard of it."""
    rules.add("deny", "username", "alice")
    policy._known.revision, policy._known.checked_at = Revision.objects.get().number - 1, time.monotonic()
    policy._known.shapes = frozenset()
