"""The base of every websocket consumer (architecture.md §5).

Stock Channels sends each message through one process-wide thread to clean up database connections, and gives each
socket a channel of its own in the layer; this base does neither. Services run through `aio.call`, which cleans up its
own, and what sockets of other processes send comes by `accounts.relay`.
"""

from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts import addresses

TOKEN_DIED = 4401
NOT_ADMITTED = 4403


class SocketConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """A websocket of a flow."""

    channel_layer_alias = ""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hands a message to its handler, without the stock detour through a thread."""
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        await handler(message)

    @property
    def ip(self) -> str:
        """The client's address (R39)."""
        return addresses.of_scope(self.scope)
