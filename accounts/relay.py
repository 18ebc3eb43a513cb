"""Messages from sockets to sockets: straight to those of this process, through the channel layer to the others.

A group is a name made by `hub.group`; who listens to it gets every parcel sent to it, in the order of sending. One
pump and one channel per process carry what lives elsewhere; with the layer of one process nothing is carried at all
(socketio.md §4). A parcel's data is text already: a layer would reorder, round or refuse what is in it.

A bus that is lost is told once to whoever asked with `when_lost`, because what was under way is lost with it (R58);
until it is back nobody can join. It is found by a beat: a message to this process itself, twice a second, whose
numbers come back without a gap. Everything here runs on the event loop.
"""

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

_log = logging.getLogger("latchkey.relay")
BEAT_SECONDS = 0.5
_PATIENCE = 3.0  # seconds without its own beat after which a process takes the bus for lost
# Commands, and bytes of what they carry, that the bus has not taken; a bus that slow is lost too.
_MOST_WAITING, _MOST_WAITING_BYTES = 10_000, 16 * 1_048_576

Encoder = Callable[[str, str], str]


class Lost(Exception):
    """The bus between the processes does not work."""


class Parcel:
    """One event on its way: its name, and its data as JSON text. Encoded once in each form that listeners want."""

    __slots__ = ("_forms", "data", "event")

    def __init__(self, event: str, data: str) -> None:
        self.event, self.data = event, data
        self._forms: dict[Encoder, str] = {}

    def form(self, encode: Encoder) -> str:
        """What `encode(event, data)` makes of it."""
        made = self._forms.get(encode)
        if made is None:
            made = self._forms[encode] = encode(self.event, self.data)
        return made


Hear = Callable[[Parcel], None]


class Relay:
    """The groups of one process. `layer` is asked for the channel layer; tests give one to several relays."""

    def __init__(self, layer: Callable[[], Any] = get_channel_layer) -> None:
        self._layer = layer
        self._groups: dict[str, dict[Hear, None]] = {}
        self._lost: list[Callable[[], None]] = []
        self._bus: _Bus | None = None

    def when_lost(self, tell: Callable[[], None]) -> None:
        """`tell` is called each time the bus is lost: sockets that live from it have to come again."""
        self._lost.append(tell)

    async def join(self, group: str, hear: Hear) -> None:
        """From the return on, `hear` is called with every parcel for the group, wherever it is sent. Raises Lost."""
        members = self._groups.setdefault(group, {})
        members[hear] = None
        bus = self._current()
        if bus is not None:
            try:
                await bus.subscribed(group)
            except BaseException:
                self.leave(group, hear)
                raise

    def leave(self, group: str, hear: Hear) -> None:
        """Undoes `join`."""
        members = self._groups.get(group)
        if members is None:
            return
        members.pop(hear, None)
        if not members:
            del self._groups[group]
            if self._bus is not None:
                self._bus.unsubscribe(group)

    def send(self, group: str, parcel: Parcel) -> None:
        """Hands the parcel to all that listen to the group; never waits."""
        self.deliver(group, parcel)
        bus = self._current()
        if bus is not None:
            bus.publish(group, parcel)

    def deliver(self, group: str, parcel: Parcel) -> None:
        """Hands the parcel to those of this process."""
        for hear in tuple(self._groups.get(group, ())):
            hear(parcel)

    def listens(self, group: str) -> bool:
        """Whether anybody of this process is in the group."""
        return group in self._groups

    def _current(self) -> "_Bus | None":
        """The bus of the running loop; None where this process is the only one."""
        bus = self._bus
        if bus is not None and bus.loop is asyncio.get_running_loop():
            return bus
        layer = self._layer()
        if layer is None or type(layer) is InMemoryChannelLayer:
            return None
        self._bus = _Bus(self, layer)
        return self._bus

    def groups(self) -> list[str]:
        """Those that somebody of this process listens to."""
        return list(self._groups)

    def bus_lost(self) -> None:
        """Called by the bus."""
        for tell in self._lost:
            tell()


class _Bus:
    """The layer as one process uses it: commands in order to it, messages in order from it."""

    def __init__(self, relay: Relay, layer: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self._relay, self._layer = relay, layer
        self._origin = secrets.token_hex(8)
        self._channel = ""
        self._commands: deque[tuple[str, str, Any]] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._marks: dict[int, asyncio.Future[None]] = {}
        self._numbers = itertools.count(1)
        self._subscribed: set[str] = set()
        self._overflowed = asyncio.Event()
        self._beat_back = 0
        self._up: asyncio.Future[None] = self.loop.create_future()
        self._task = self.loop.create_task(self._run())

    # What the relay asks for

    async def subscribed(self, group: str) -> None:
        """Returns when the layer is known to deliver to the group: our own mark has come back through it."""
        number = next(self._numbers)
        mark = self._marks[number] = self.loop.create_future()
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.shield(self._up)
                while group not in self._subscribed:
                    # Again where it does not come: the mark goes by another connection than the subscription ahead of
                    # it, and Redis may take it first.
                    self._command("add", group, number)
                    await asyncio.wait([mark], timeout=BEAT_SECONDS)
                    if mark.done():
                        mark.result()
                        self._subscribed.add(group)
        except TimeoutError:
            raise Lost from None
        finally:
            del self._marks[number]

    def unsubscribe(self, group: str) -> None:
        """Nobody of this process listens any more."""
        if self._up.done():
            self._command("discard", group)

    def publish(self, group: str, parcel: Parcel) -> None:
        """For the other processes."""
        if self._up.done():
            self._command("send", group, {"event": parcel.event, "data": parcel.data})

    def _command(self, kind: str, group: str, more: Any = None) -> None:
        size = _size(more)
        if len(self._commands) >= _MOST_WAITING or self._waiting_bytes + size > _MOST_WAITING_BYTES:
            self._overflowed.set()
            return
        self._waiting_bytes += size
        self._commands.append((kind, group, more))
        self._wake.set()

    # Its life

    async def _run(self) -> None:
        """Up, lost, up again, until the loop ends."""
        while True:
            try:
                await self._live()
            except Exception as error:  # whatever a layer raises means the same
                _log.warning("the bus between the processes does not work: %s", type(error).__name__)
            self._down()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_PATIENCE):
                    await self._layer.flush()  # its connections are of no use any more
            await asyncio.sleep(BEAT_SECONDS)

    async def _live(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            self._channel = await self._layer.new_channel()
        self._overflowed.clear()
        self._beat_back = 0
        works = (self._pump(), self._work(), self._beat(), self._overflowed.wait())
        tasks = [self.loop.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _down(self) -> None:
        was_up = self._up.done()
        if was_up:
            self._up = self.loop.create_future()
        self._commands.clear()
        self._waiting_bytes = 0
        self._subscribed.clear()
        for mark in self._marks.values():
            if was_up and not mark.done():
                mark.set_exception(Lost())
        if was_up:
            self._relay.bus_lost()

    # What it does while it lives

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._commands:
                command = self._commands.popleft()
                self._waiting_bytes -= _size(command[2])
                await self._do(*command)

    async def _do(self, kind: str, group: str, more: Any) -> None:
        async with asyncio.timeout(_PATIENCE):
            if kind == "send":
                await self._send(group, more)
            elif kind == "add":
                await self._layer.group_add(group, self._channel)
                await self._send(group, {"mark": more})
            elif not self._relay.listens(group):
                self._subscribed.discard(group)
                await self._layer.group_discard(group, self._channel)

    async def _send(self, group: str, facts: dict[str, Any]) -> None:
        await self._layer.group_send(group, {"type": "relay", "group": group, "from": self._origin, **facts})

    async def _beat(self) -> None:
        """A number every half second; too many of them under way mean that nothing comes back."""
        for number in itertools.count(1):
            async with asyncio.timeout(_PATIENCE):
                await self._layer.send(self._channel, {"type": "relay", "beat": number, "from": self._origin})
            await asyncio.sleep(BEAT_SECONDS)
            if (number - self._beat_back) * BEAT_SECONDS > _PATIENCE:
                raise Lost("no beat")

    async def _pump(self) -> None:
        while True:
            message = await self._layer.receive(self._channel)
            if "beat" in message:
                self._beat_came(message["beat"])
            elif "event" in message:
                if message["from"] != self._origin:  # ours have been delivered here already
                    self._relay.deliver(message["group"], Parcel(message["event"], message["data"]))
            elif message["from"] == self._origin:
                self._mark_came(message["mark"])

    def _mark_came(self, number: int | None) -> None:
        mark = self._marks.get(number or 0)
        if mark is not None and not mark.done():
            mark.set_result(None)

    def _beat_came(self, number: int) -> None:
        if number != self._beat_back + 1:
            raise Lost("a gap")
        self._beat_back = number
        if not self._up.done():
            self._up.set_result(None)
            for group in self._relay.groups():
                self._command("add", group)


def _size(more: Any) -> int:
    """Of a command's parcel, in characters."""
    return len(more["data"]) if isinstance(more, dict) else 0


_relay = Relay()
when_lost, join, leave, send = _relay.when_lost, _relay.join, _relay.leave, _relay.send
