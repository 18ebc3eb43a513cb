"""The sockets of this process, whichever door they came through: who they are, until when, what reaches them.

A member hears the parcels of its rooms (`accounts.relay`) and the notices that concern it (`accounts.hub`). What is
asked of the database about members (may they stay, are they still here, they have left) is asked for many at once:
a change of the lists concerns all of them, and a server that goes down loses all of them in a moment.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from accounts import aio, clock, hub, relay
from accounts.consumers import TOKEN_DIED
from accounts.relay import Parcel
from accounts.tokens import Bearer
from challenges.openpgp.signaling import admission, messages, people, presence

COME_AGAIN, TOO_SLOW = 1012, 4408
_AT_ONCE = 100  # members of one look
_PAUSE = 0.2  # seconds until a database that did not answer is asked again
_MOST_HELD = 256  # parcels for a member that is still on its way in
_log = logging.getLogger("latchkey.signaling")


@lru_cache(maxsize=8192)
def device_room(user_id: int, device_id: str) -> str:
    """The group of one device."""
    return hub.group("lav-device", user_id, device_id)


@lru_cache(maxsize=8192)
def user_room(user_id: int) -> str:
    """The group of all devices of an account."""
    return hub.group("lav-user", user_id)


class Member:
    """One authenticated socket. `send` and `close` are its door's and never wait."""

    __slots__ = (
        "_timer", "bearer", "close", "deaf", "device_id", "device_pk", "held", "identity", "ip", "name", "presence_id",
        "reached", "send", "user_id",
    )  # fmt: skip

    def __init__(
        self, bearer: Bearer, device_id: str, ip: str, send: Callable[[Parcel], None], close: Callable[[int], None]
    ) -> None:
        self.bearer, self.user_id, self.device_id, self.ip = bearer, bearer.user_id, device_id, ip
        self.send, self.close = send, close
        self.name = bearer.username.lower()
        self.identity = messages.identity(bearer.username, device_id)
        self.presence_id = self.device_pk = 0
        self.deaf: frozenset[int] = frozenset()
        self.reached: dict[int, float] = {}  # accounts it may reach, with SIGNALING_CONTACTS_ONLY, and until when
        self.held: list[Parcel] | None = []
        self._timer: asyncio.TimerHandle | None = None

    def hear(self, parcel: Parcel) -> None:
        """A parcel of one of its rooms. Until the client knows that it is in, parcels are held back."""
        if self.held is None:
            self.send(parcel)
        elif len(self.held) < _MOST_HELD:
            self.held.append(parcel)
        else:
            self.close(TOO_SLOW)

    def open(self) -> None:
        """The client knows: what was held back goes out, and what comes goes straight."""
        held, self.held = self.held or [], None
        for parcel in held:
            self.send(parcel)

    def notice(self, event: str, data: Mapping[str, Any]) -> None:
        """Something happened that may end it."""
        if event == hub.RECHECK:
            _room.look_again(self)

    def expires(self) -> None:
        """Sets the clock for the end of its token."""
        if self.bearer.expires_at is not None:
            left = (self.bearer.expires_at - clock.now()).total_seconds()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self.close, TOKEN_DIED)

    def forget_timer(self) -> None:
        """The socket has ended before its token."""
        if self._timer is not None:
            self._timer.cancel()

    def groups(self) -> tuple[str, ...]:
        """The notices that concern it."""
        mine = hub.user_group(self.user_id), hub.family_group(self.bearer.family)
        return hub.EVERYONE, *mine, *hub.address_groups(self.ip)

    def rooms(self) -> tuple[str, str]:
        """Where it is reached."""
        return device_room(self.user_id, self.device_id), user_room(self.user_id)

    def stay(self) -> admission.Stay:
        """What it lives on."""
        return admission.Stay(self.bearer, self.device_pk, self.ip)


class _Room:
    """All members of the process, and the work that is done for many of them."""

    def __init__(self) -> None:
        self.members: set[Member] = set()
        self._doubtful: set[Member] = set()
        self._gone: list[int] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def look_again(self, member: Member) -> None:
        self._doubtful.add(member)
        self._begin("look", self._look)

    def left(self, presence_id: int) -> None:
        self._gone.append(presence_id)
        self._begin("leave", self._write_off)

    def came(self, member: Member) -> None:
        self.members.add(member)
        self._begin("refresh", self._refresh)

    def _begin(self, name: str, work: Callable[[], Any]) -> None:
        task = self._tasks.get(name)
        loop = asyncio.get_running_loop()
        if task is None or task.done() or task.get_loop() is not loop:
            self._tasks[name] = loop.create_task(work())

    async def _look(self) -> None:
        while self._doubtful:
            some = [self._doubtful.pop() for _ in range(min(_AT_ONCE, len(self._doubtful)))]
            try:
                verdicts = await aio.call(admission.stay, [member.stay() for member in some])
            except Exception as error:  # a full queue or a database that is away is no verdict
                _log.warning("sockets could not be looked at: %s", type(error).__name__)
                self._doubtful.update(some)
                await asyncio.sleep(_PAUSE)
                continue
            for member, verdict in zip(some, verdicts, strict=True):
                member.deaf = verdict.deaf
                if verdict.close_code is not None:
                    member.close(verdict.close_code)

    async def _write_off(self) -> None:
        while self._gone:
            some, self._gone = self._gone[:500], self._gone[500:]
            try:
                await aio.call(presence.close_rows, some)
            except Exception as error:  # then they grow stale
                _log.warning("closed sockets could not be written off: %s", type(error).__name__)

    async def _refresh(self) -> None:
        while self.members:
            await asyncio.sleep(presence.REFRESH_SECONDS)
            asked = list(self.members)  # who comes during the look is not in it
            try:
                there = await aio.call(presence.refresh, [member.presence_id for member in asked])
                for member in asked:
                    if member.presence_id not in there:
                        await self._return(member)
            except Exception as error:
                _log.warning("presence could not be kept: %s", type(error).__name__)

    async def _return(self, member: Member) -> None:
        """Its row was purged while the database was out of reach, or went with its device."""
        if member not in self.members:
            return
        (verdict,) = await aio.call(admission.stay, [member.stay()])
        if verdict.close_code is not None:
            member.close(verdict.close_code)
            return
        member.presence_id = await aio.call(
            presence.open_row, user_id=member.user_id, device_pk=member.device_pk, ip=member.ip
        )
        if member not in self.members:
            self.left(member.presence_id)


_room = _Room()


async def enter(
    handshake: messages.Handshake,
    *,
    ip: str,
    user_agent: str,
    send: Callable[[Parcel], None],
    close: Callable[[int], None],
) -> tuple[Member, list[int]]:
    """The member that a handshake makes, and the numbers of the invites that wait for it. Nothing reaches it
    before `Member.open`.

    Refuses as `admission`; raises relay.Lost while the bus between the processes is away.
    """
    bearer = await aio.call(admission.identify, handshake, ip=ip)
    member = Member(bearer, handshake.device_id, ip, send, close)
    for group in member.groups():
        hub.join(group, member.notice)
    try:
        entered = await aio.call(admission.enter, bearer, device_id=handshake.device_id, ip=ip, user_agent=user_agent)
        member.presence_id, member.device_pk, member.deaf = entered.presence_id, entered.device_pk, entered.deaf
        _room.came(member)
        people.arrived(member.name, member.user_id)
        member.expires()
        for room in member.rooms():
            await relay.join(room, member.hear)
    except BaseException:
        leave(member)
        raise
    return member, entered.invites


def leave(member: Member) -> None:
    """Undoes `enter`; a second time it does nothing."""
    for group in member.groups():
        hub.leave(group, member.notice)
    for room in member.rooms():
        relay.leave(room, member.hear)
    member.forget_timer()
    if member in _room.members:
        _room.members.discard(member)
        people.left(member.name)
        _room.left(member.presence_id)


def close_all(code: int) -> None:
    """Ends every socket of this process."""
    for member in list(_room.members):
        member.close(code)


def count() -> int:
    """How many sockets this process has."""
    return len(_room.members)


relay.when_lost(lambda: close_all(COME_AGAIN))
