"""The application, the same under daphne, uvicorn and granian.

http: Socket.IO's polling, hot routes, then Django in a thread pool. websocket: `idp.routing`. Nothing else decides
here.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")

import django
from django.conf import settings

django.setup()

from accounts.hot import HotRoute, QuickForm, Receive, RememberedForm, RememberedRoute, Scope, Send, send_answer
from accounts.matrix import hot as matrix_hot
from challenges import socketio
from challenges.openpgp import hot as openpgp_hot
from challenges.session import hot as session_hot
from devicelogin.oauth import hot as oauth_hot
from devicelogin.rendezvous import hot as rendezvous_hot
from idp import background, neighbours, origin, probes
from idp.bridge import Bridge
from idp.metrics import endpoint, visiting
from idp.routing import websockets
from idp.server import state

_MOST_URL_BYTES = 8192
_HOT: dict[tuple[str, str], HotRoute | QuickForm | RememberedForm | RememberedRoute] = {
    **session_hot.ROUTES,
    **matrix_hot.ROUTES,
    **openpgp_hot.ROUTES,
    **(oauth_hot.ROUTES if settings.OAUTH else {}),
}
_HOT_BELOW = openpgp_hot.ROUTES_BELOW
# Of no door, and asked by programs that must be answered when everything else is busy (operations.md §4).
_PROBES = {"/healthz": probes.healthz, "/readyz": probes.readyz, "/metrics": endpoint.answer}
_bridge = Bridge()
socketio.watch(lambda: state.draining)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """One connection or request of any server."""
    if scope["type"] == "http":
        background.ensure_started()
        await visiting.request(_http, scope, receive, send)
    elif scope["type"] == "websocket":
        background.ensure_started()
        await visiting.websocket(websockets, scope, receive, send)
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
        await neighbours.application(scope, receive, send)
        return
    hot = _HOT.get((scope["method"], path)) or _PROBES.get(path) or rendezvous_hot.route_of(path)
    hot = hot or _below(scope["method"], path)
    if hot is not None:
        await hot(scope, receive, send)
    else:
        await _bridge(scope, receive, send)


def _below(method: str, path: str) -> HotRoute | None:
    """The hot route of a path that ends with a name."""
    for (its_method, prefix), route in _HOT_BELOW.items():
        if method == its_method and path.startswith(prefix):
            return route
    return None


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
