"""The base of every websocket consumer (architecture.md §5).

Stock Channels sends each message through one process-wide thread to clean up database connections; this base does
not, because services run through `aio.call`, which cleans up its own. A socket that lives on a token asks again
whether it may live whenever `hub.recheck` names one of its groups (R27, R49).
"""

import asyncio
from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts import addresses, aio, clock, hub, policy, subjects, token_rows
from accounts.errors import Reason, Refusal
from accounts.token_rows import Bearer

TOKEN_DIED = 4401
NOT_ADMITTED = 4403


class SocketConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """A websocket of a flow. `flow` is set by the subclass; `live_on` ties the socket to a token."""

    flow: str = ""
    bearer: Bearer | None = None

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hands a message to its handler, without the stock detour through a thread."""
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        await handler(message)

    async def live_on(self, bearer: Bearer) -> None:
        """From now on the socket lives as long as this token, its account and the lists allow."""
        self.bearer = bearer
        for group in self._groups():
            hub.join(group, self._hear)

    @property
    def ip(self) -> str:
        """The client's address (R39)."""
        return addresses.of_scope(self.scope)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        """Leaves the groups, then does what Channels does."""
        for group in self._groups():
            hub.leave(group, self._hear)
        self.bearer = None
        await super().websocket_disconnect(message)

    async def hub_event(self, message: dict[str, Any]) -> None:
        """An event published to a group of the channel layer; flows say what it means."""
        await self.on_event(message["event"], message["data"])

    async def on_event(self, event: str, data: dict[str, Any]) -> None:
        """What a flow does with a published event."""

    def _groups(self) -> tuple[str, ...]:
        if self.bearer is None:
            return ()
        return hub.EVERYONE, hub.user_group(self.bearer.user_id), hub.family_group(self.bearer.family)

    def _hear(self, event: str, data: dict[str, Any]) -> None:
        if event == hub.RECHECK:
            asyncio.get_running_loop().create_task(self._recheck())

    async def _recheck(self) -> None:
        if self.bearer is None:
            return
        try:
            await aio.call(_still_admitted, self.flow, self.bearer, self.ip)
        except Refusal as refusal:
            code = NOT_ADMITTED if refusal.reason is Reason.NOT_ADMITTED else TOKEN_DIED
            await self.close(code)


def _still_admitted(flow: str, bearer: Bearer, ip: str) -> None:
    """NOT_ADMITTED, TOKEN_UNKNOWN or ACCOUNT_LOCKED when the socket has to go."""
    policy.admit(flow, subjects.of_bearer(bearer, ip=ip))
    alive = token_rows.alive(bearer.token_id, moment=clock.now())
    if alive is None:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if alive.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
