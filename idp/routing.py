"""Websocket paths. No door of this release speaks websocket: every path is refused, as one line per flow will say."""

from channels.routing import URLRouter

from accounts.hot import Receive, Scope, Send

_paths = URLRouter([])


async def websockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Routes a websocket, or refuses the handshake when no flow owns the path."""
    try:
        await _paths(scope, receive, send)
    except ValueError:  # Channels' word for "no route"
        await receive()
        await send({"type": "websocket.close", "code": 4404})
