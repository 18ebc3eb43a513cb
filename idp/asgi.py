"""The application, the same under daphne, uvicorn and granian.

http: Socket.IO's polling, hot routes, then Django in a thread pool. websocket: `idp.routing`. Nothing else decides
here.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")

import django

django.setup()

from accounts.hot import HotRoute, Receive, RememberedRoute, Scope, Send, send_answer
from accounts.matrix import hot as matrix_hot
from challenges import socketio
from challenges.session import hot as session_hot
from idp import background, origin
from idp.bridge import Bridge
from idp.routing import websockets
from idp.server import state

_MOST_URL_BYTES = 8192
_HOT: dict[tuple[str, str], HotRoute | RememberedRoute] = {**session_hot.ROUTES, **matrix_hot.ROUTES}
_bridge = Bridge()
socketio.watch(lambda: state.draining)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """One connection or request of any server."""
    if scope["type"] == "http":
        background.ensure_started()
        await _http(scope, receive, send)
    elif scope["type"] == "websocket":
        background.ensure_started()
        await websockets(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"]
    if path.startswith("//"):
        path = origin.normal_path(path)
        scope = {**scope, "path": path, "raw_path": path.encode("latin-1", "replace")}
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _MOST_URL_BYTES:
        await send_answer(send, origin.failure(414, path, ""))
        return
    if _is_socketio(path):
        await socketio.application(scope, receive, send)
        return
    hot = _HOT.get((scope["method"], path))
    if hot is not None:
        await hot(scope, receive, send)
    else:
        await _bridge(scope, receive, send)


def _is_socketio(path: str) -> bool:
    """Where Socket.IO polls; its handshake decides to which door a client comes (one-origin.md §1)."""
    return path == "/socket.io" or path.startswith("/socket.io/")


async def _lifespan(receive: Receive, send: Send) -> None:
    """Servers that announce start and end; daphne does not, so the work also starts with the first request."""
    while True:
        message: Any = await receive()
        if message["type"] == "lifespan.startup":
            background.ensure_started()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            background.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
