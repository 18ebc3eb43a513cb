"""Run as a subprocess: one of the two servers in front of a small ASGI application, with short deadlines.

    python echo_server.py daphne|uvicorn '{"head_seconds": 0.5}'

The first line of its output is the port. The application answers with what it was sent; some paths do more.
"""

import asyncio
import json
import sys
from typing import Any

from idp.server import state
from idp.server.limits import Headers, Limits
from idp.server.listen import listen


def body_limit(method: str, path: bytes) -> int:
    return 4096 if path.startswith(b"/small/") else 64 * 1024


def render_error(status: int, path: str, accept: str) -> tuple[Headers, bytes]:
    body = json.dumps({"status": status, "path": path, "accept": accept}).encode()
    return [(b"Content-Type", b"application/json"), (b"Access-Control-Allow-Origin", b"*")], body


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
    elif scope["type"] == "websocket":
        await converse(scope, receive, send)


async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["path"] == "/fails":
        raise RuntimeError("the application failed")
    if scope["path"].startswith("/slow"):
        print("slow", flush=True)
        await asyncio.sleep(0.6)
    facts = {
        "method": scope["method"],
        "path": scope["path"],
        "root_path": scope["root_path"],
        "length": len(body),
        "draining": state.draining,
    }
    content = b"x" * 8_000_000 if scope["path"] == "/large" else json.dumps(facts).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def converse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    if scope["path"] == "/flood":
        await flood(receive, send)
        return
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text") or ""
        if text.startswith("close "):
            await send({"type": "websocket.close", "code": int(text[6:]), "reason": "as asked"})
        elif text == "sleep":
            await asyncio.sleep(3)
        elif text.startswith("burst "):
            for number in range(int(text[6:])):
                await send({"type": "websocket.send", "text": str(number)})
        else:
            await send({"type": "websocket.send", "text": str(len(text))})
    print("disconnected", message["code"], flush=True)


async def flood(receive: Any, send: Any) -> None:
    """Sends far more than a reader who does not read can be sent, and goes on after the socket is closed."""
    for _ in range(3000):
        await send({"type": "websocket.send", "text": "x" * 8192})
    message = await receive()
    print("flooded", message["code"], flush=True)


def main() -> None:
    listener = listen("127.0.0.1", 0)
    limits = Limits(**json.loads(sys.argv[2]))
    print(listener.getsockname()[1], flush=True)
    if sys.argv[1] == "uvicorn":
        from idp.server.uvicorn import run

        run(application, listener=listener, render_error=render_error, limits=limits)
    else:
        from idp.server.daphne import BoundedServer

        BoundedServer(
            application, listener=listener, body_limit=body_limit, render_error=render_error, limits=limits
        ).run()


if __name__ == "__main__":
    main()
