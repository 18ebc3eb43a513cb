"""Messages between sockets: here at once, through the layer for other processes (socketio.md §4; R58)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from channels.layers import InMemoryChannelLayer

from accounts import relay
from accounts.relay import Lost, Parcel, Relay


class Layer(InMemoryChannelLayer):
    """A layer that several relays share, as processes share a Redis; it can break."""

    def __init__(self):
        super().__init__(capacity=10_000)
        self.broken = False
        self.sent = []
        self.deaf = False
        self.too_early = 0  # marks that overtake their subscription, and reach nobody

    async def group_send(self, group, message):
        if self.broken:
            raise ConnectionError
        if "mark" in message and self.too_early:
            self.too_early -= 1
            return
        self.sent.append(message)
        await super().group_send(group, message)

    async def send(self, channel, message):
        if self.broken:
            raise ConnectionError
        if not (self.deaf and "beat" in message):
            await super().send(channel, message)

    async def flush(self):
        """What a relay does to its own connections only."""


class Listener:
    def __init__(self):
        self.heard = []

    def __call__(self, parcel):
        self.heard.append((parcel.event, parcel.data))


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
async def processes(monkeypatch) -> AsyncIterator[tuple[Layer, Relay, Relay]]:
    monkeypatch.setattr(relay, "BEAT_SECONDS", 0.02)
    layer = Layer()
    pair = Relay(lambda: layer), Relay(lambda: layer)
    yield layer, *pair
    for one in pair:
        if one._bus is not None:
            one._bus._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await one._bus._task


async def test_with_one_process_nothing_goes_through_the_layer():
    layer, listener = InMemoryChannelLayer(), Listener()
    alone = Relay(lambda: layer)
    await alone.join("g", listener)
    alone.send("g", Parcel("e", "1"))
    alone.send("other", Parcel("e", "2"))
    assert listener.heard == [("e", "1")]
    assert layer.groups == layer.channels == {}
    alone.leave("g", listener)
    alone.send("g", Parcel("e", "3"))
    assert listener.heard == [("e", "1")]
    assert alone._groups == {}


async def test_a_parcel_reaches_listeners_of_other_processes_once_and_in_order(processes):
    layer, here, there = processes
    mine, own, theirs = Listener(), Listener(), Listener()
    await here.join("g", mine)
    await here.join("own", own)
    await there.join("g", theirs)
    expected = [("e", str(number)) for number in range(200)]
    for event, data in expected:
        here.send("g", Parcel(event, data))
    assert mine.heard == expected, "here it waits for nothing"
    await until(lambda: len(theirs.heard) == 200)
    assert theirs.heard == expected
    there.send("own", Parcel("e", "back"))
    await until(lambda: own.heard)
    assert mine.heard == expected
    assert [message["data"] for message in layer.sent if "data" in message] == [data for _, data in expected] + ["back"]


async def test_what_nobody_hears_any_more_is_not_delivered(processes):
    layer, here, there = processes
    first, second = Listener(), Listener()
    await here.join("keeps", Listener())
    await there.join("g", first)
    await there.join("g", second)
    there.leave("g", first)
    here.send("g", Parcel("e", "1"))
    await until(lambda: second.heard)
    there.leave("g", second)
    await until(lambda: "g" not in layer.groups)
    await there.join("g", first)
    here.send("g", Parcel("e", "2"))
    await until(lambda: first.heard)
    assert (first.heard, second.heard) == ([("e", "2")], [("e", "1")])


async def test_who_leaves_and_joins_at_once_stays(processes):
    _, here, there = processes
    listener = Listener()
    await here.join("keeps", Listener())
    await there.join("g", listener)
    there.leave("g", listener)
    await there.join("g", listener)
    for _ in range(20):
        await asyncio.sleep(0.001)
    here.send("g", Parcel("e", "1"))
    await until(lambda: listener.heard)


async def test_a_mark_that_overtook_its_subscription_is_sent_again(processes):
    layer, here, there = processes
    listener = Listener()
    layer.too_early = 2
    await here.join("g", listener)
    assert layer.too_early == 0
    await there.join("g", Listener())
    there.send("g", Parcel("e", "1"))
    await until(lambda: ("e", "1") in listener.heard)


@pytest.mark.parametrize("how", ["broken", "deaf"])
async def test_a_lost_bus_is_told_once_and_comes_back_without_a_restart(processes, how, monkeypatch):
    layer, here, there = processes
    told, listener, stays = [], Listener(), Listener()
    monkeypatch.setattr(relay, "_PATIENCE", 0.3)
    here.when_lost(lambda: told.append(1))
    await here.join("g", stays)
    await there.join("other", Listener())
    setattr(layer, how, True)
    await until(lambda: told)
    with pytest.raises(Lost):
        await here.join("g", listener)
    assert "g" in here._groups
    setattr(layer, how, False)
    monkeypatch.setattr(relay, "_PATIENCE", 30.0)
    await here.join("h", listener)
    await there.join("j", Listener())
    there.send("h", Parcel("e", "again"))
    there.send("g", Parcel("e", "also"))
    await until(lambda: listener.heard and stays.heard)
    assert told == [1]


async def test_a_bus_that_takes_nothing_is_lost(processes, monkeypatch):
    _, here, _ = processes
    told = []
    here.when_lost(lambda: told.append(1))
    await here.join("g", Listener())
    monkeypatch.setattr(relay, "_MOST_WAITING", 10)
    for _ in range(12):
        here.send("g", Parcel("e", "1"))
    await until(lambda: told)


async def test_a_bus_that_takes_no_large_parcels_is_lost_before_they_fill_the_memory(processes, monkeypatch):
    _, here, there = processes
    told, listener = [], Listener()
    here.when_lost(lambda: told.append(1))
    await there.join("g", listener)
    monkeypatch.setattr(relay, "_MOST_WAITING_BYTES", 1_000)
    await here.join("h", Listener())
    for _ in range(30):  # one after the other they fit
        here.send("g", Parcel("e", "x" * 900))
        await until(lambda: not here._bus._commands)
    await until(lambda: len(listener.heard) == 30)
    assert not told
    for _ in range(2):
        here.send("g", Parcel("e", "x" * 900))
    await until(lambda: told)
    assert here._bus._waiting_bytes == 0


async def test_a_parcel_is_encoded_once_in_each_form():
    made = []

    def encode(event, data):
        made.append(event)
        return f"{event} {data}"

    parcel = Parcel("e", "1")
    assert [parcel.form(encode) for _ in range(3)] == ["e 1"] * 3
    assert made == ["e"]
