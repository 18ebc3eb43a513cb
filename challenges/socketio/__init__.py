"""Socket.IO for the flows: clients of 2.x, 3.x and 4.x at `/socket.io/`, by polling, websocket, or the one
upgraded to the other (specs/socketio.md).

python-socketio keeps the namespaces; it speaks Engine.IO 4 alone and trusts its input, so what stands between it and
the server is ours:

    framing.py    polling bodies and websocket frames of Engine.IO 3 and 4 (pure)
    packets.py    Socket.IO packets: reading within bounds, and what version 3 is told instead (pure)
    rates.py      counters of this process
    outbox.py     what a client has not fetched yet
    session.py    one connection: heartbeat, silence, the queues in both directions
    engine.py     the table of connections           clients.py     the table of clients
    http.py       handshake, polling, preflight, errors      websocket.py   the other transport
    server.py     packets to doors, in order                 doors.py       Door, Handshake, Socket: what flows see

A flow writes a `Door` and calls `serve(door)` once; the roof mounts `application`.
"""

from collections.abc import Callable

from socketio.exceptions import ConnectionRefusedError  # noqa: A004  (the library's, and every door's)

from accounts.hot import Receive, Scope, Send
from challenges.socketio import http, websocket
from challenges.socketio.doors import Door, Handshake, Socket
from challenges.socketio.packets import MALFORMED, encode_event
from challenges.socketio.rates import Rate
from challenges.socketio.server import SocketServer

__all__ = [
    "MALFORMED",
    "ConnectionRefusedError",
    "Door",
    "Handshake",
    "Rate",
    "Socket",
    "application",
    "call_sessions",
    "close_all",
    "encode_event",
    "serve",
    "sockets",
    "watch",
]

_server = SocketServer()


def serve(door: Door) -> None:
    """Adds a door of this process; the first whose `takes` says yes gets a client."""
    _server.serve(door)


def watch(going_down: Callable[[], bool]) -> None:
    """Says how to tell that the process is going down: then held polls end, and nobody is let in (R59)."""
    _server.eio.going_down = going_down


def call_sessions(ending: str) -> None:
    """How the ids of this process's sessions end from now on."""
    _server.eio.ending = ending


def close_all(code: int) -> None:
    """Ends every connection of this process; clients come again after 1001 and 1012 (R58)."""
    _server.eio.close_all(code)


def sockets() -> int:
    """Connections of this process, for the metrics."""
    return len(_server.eio.sockets)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI: requests and websockets below `/socket.io/`."""
    if scope["type"] == "websocket":
        await websocket.carry(_server.eio, scope, receive, send)
    else:
        await http.answer(_server.eio, scope, receive, send)
