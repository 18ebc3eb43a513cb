"""Run as a subprocess: `/socket.io/` with an echo door, on our daphne or our uvicorn.

    python -m tests.conformance.socketio.echo_server daphne|uvicorn [port] [bare] [beat]

The first line of its output is the port. `bare` serves a python-socketio server as it comes, for comparison; with
`beat` a heart beats twice a second, and silence of 5.5 seconds is death. Those with one VAR_DIR and a REDIS_URL are
neighbours.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")

import django

django.setup()

from accounts import aio
from challenges import socketio as ground
from challenges.socketio import engine, session
from idp import neighbours
from idp.server import state
from idp.server.limits import Headers, Limits
from idp.server.listen import listen


class Echo(ground.Door):
    """Answers with what it is sent."""

    event_bytes = 256 * 1024
    rate = ground.Rate(100_000, 100_000)
    sockets_per_address = 2000

    def takes(self, handshake: ground.Handshake) -> bool:
        return not handshake.names("narrow", "nobody")

    async def connect(self, socket: ground.Socket) -> None:
        if text := socket.handshake.get("refuse"):
            data = socket.handshake.get("because")
            raise ground.ConnectionRefusedError(text, *([data] if data else []))

    async def connected(self, socket: ground.Socket) -> None:
        if socket.handshake.get("greet"):
            socket.emit("greeting", {"user_agent": socket.user_agent, "greet": socket.handshake.get("greet")})

    async def event(self, socket: ground.Socket, name: str, data: Any) -> Any:
        match name:
            case "echo":
                socket.answer(data)
            case "only ack":
                return data
            case "slow":
                await asyncio.sleep(0.3)
                socket.emit("slow", data)
            case "blocked":
                await aio.call(time.sleep, 1.0)
            case "burst":
                for number in range(data):
                    socket.emit("tick", number)
            case "leave":
                socket.close(data)
            case "bytes":
                socket.emit("bytes", {"all": bytes(range(256)), "text": data})
            case "fail":
                raise ValueError("a secret")
            case _ if data is ground.MALFORMED:
                socket.answer("malformed")
        return None


class Narrow(Echo):
    """The bounds of the page for small events."""

    event_bytes = 16 * 1024
    rate = ground.Rate(20, 40)
    sockets_per_address = 2

    def takes(self, handshake: ground.Handshake) -> bool:
        return handshake.names("narrow")


def body_limit(method: str, path: bytes) -> int:
    return 1_000_000


def render_error(status: int, path: str, accept: str) -> tuple[Headers, bytes]:
    return [(b"Content-Type", b"application/json")], json.dumps({"status": status}).encode()


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] in ("http", "websocket"):
        await neighbours.application(scope, receive, send)


def bare() -> Any:
    """python-socketio as its manual shows it."""
    import socketio

    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")

    @server.event
    async def echo(sid: str, data: Any) -> Any:
        await server.emit("echo", data, to=sid)
        return data

    return socketio.ASGIApp(server)


def main() -> None:
    ground.serve(Echo())
    ground.serve(Narrow())
    ground.watch(lambda: state.draining)
    if "beat" in sys.argv:
        modules: list[Any] = [engine, session]
        for module in modules:
            module.PING_INTERVAL, module.PING_TIMEOUT = 0.5, 5.0
    app = bare() if "bare" in sys.argv else application
    listener = listen("127.0.0.1", next((int(word) for word in sys.argv[2:] if word.isdigit()), 0))
    print(listener.getsockname()[1], flush=True)
    if sys.argv[1] == "uvicorn":
        from idp.server.uvicorn import run

        run(app, listener=listener, render_error=render_error)
    else:
        from idp.server.daphne import BoundedServer

        BoundedServer(app, listener=listener, body_limit=body_limit, render_error=render_error, limits=Limits()).run()
    neighbours.stop()


if __name__ == "__main__":
    main()
