"""Websocket paths, and the doors behind `/socket.io/`: one line per flow."""

from channels.routing import URLRouter
from django.urls import path

from accounts.hot import Receive, Scope, Send
from challenges import socketio
from challenges.openpgp.signaling.consumers import SignalConsumer
from challenges.openpgp.signaling.door import SignalDoor
from challenges.otp.consumers import LoginConsumer
from challenges.otp.sockets import CodeDoor
from idp import neighbours

_paths = URLRouter(
    [
        path("ws/login/", LoginConsumer.as_asgi()),
        path("ws/signal/", SignalConsumer.as_asgi()),
    ]
)
socketio.serve(SignalDoor())
socketio.serve(CodeDoor())


async def websockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Routes a websocket, or refuses the handshake when no flow owns the path."""
    if scope["path"].startswith("/socket.io/"):
        await neighbours.application(scope, receive, send)
        return
    try:
        await _paths(scope, receive, send)
    except ValueError:  # Channels' word for "no route"
        await receive()
        await send({"type": "websocket.close", "code": 4404})
