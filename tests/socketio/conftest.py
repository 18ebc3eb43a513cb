"""A server with an echo door, asked as ASGI servers ask."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from challenges import socketio
from challenges.socketio import http, websocket
from challenges.socketio.server import SocketServer
from challenges.socketio.session import Session

PATIENCE = 20


class Echo(socketio.Door):
    def __init__(self) -> None:
        self.sockets: list[socketio.Socket] = []
        self.seen: list[tuple[str, Any]] = []
        self.gone = 0
        self.gate = asyncio.Event()

    def takes(self, handshake):
        return not handshake.names("nobody")

    async def connect(self, socket):
        if socket.handshake.get("refuse"):
            raise socketio.ConnectionRefusedError(socket.handshake.get("refuse"))
        self.sockets.append(socket)

    async def event(self, socket, name, data):
        if name == "wait":
            await self.gate.wait()
        self.seen.append((name, data))
        if name == "fail":
            raise TypeError("a secret")
        if name == "echo" and data is not socketio.MALFORMED:
            socket.answer(data)

    async def disconnect(self, socket):
        self.gone += 1


class Answer:
    status = 0
    headers: dict[bytes, bytes]
    body = b""


class Web:
    """One websocket from the client's side."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.outbox: asyncio.Queue[Any] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.task: asyncio.Task[None]

    async def send(self, message):
        await self.reads.wait()
        await self.outbox.put(message)

    async def hear(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            message = await self.outbox.get()
        return message.get("text", message.get("bytes", message))

    def say(self, content) -> None:
        kind = "text" if isinstance(content, str) else "bytes"
        self.inbox.put_nowait({"type": "websocket.receive", kind: content})

    async def close_code(self) -> int:
        """The code that the server closes with, whatever it says before."""
        while True:
            message = await self.hear()
            if isinstance(message, dict) and message["type"] == "websocket.close":
                return int(message.get("code", 0))


class Harness:
    def __init__(self) -> None:
        self.server = SocketServer()
        self.door = Echo()
        self.server.serve(self.door)
        self.engine = self.server.eio

    async def ask(self, method, query="", body=b"", *, path="/socket.io/", headers=(), address="192.0.2.1") -> Answer:
        answer = Answer()
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        given = [(b"content-length", b"%d" % len(body)), *headers] if body else list(headers)

        async def receive():
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], dict(message["headers"])
            else:
                answer.body += message["body"]

        async with asyncio.timeout(PATIENCE):
            await http.answer(self.engine, scope("http", query, path, given, address, method), receive, send)
        return answer

    async def open(self, version=4, query="", connect=True) -> str:
        """A polling session in the default namespace; answers its sid."""
        answer = await self.ask("GET", f"EIO={version}&transport=polling{query}")
        assert answer.status == 200, answer.body
        sid = answer.body.decode().split('"sid":"')[1].split('"')[0]
        if connect:
            if version == 4:
                await self.post(sid, b"40")
            await self.poll(sid)
        return sid

    async def post(self, sid, body, version=4, **more) -> Answer:
        return await self.ask("POST", f"EIO={version}&transport=polling&sid={sid}", body, **more)

    async def poll(self, sid, version=4) -> str:
        return (await self.ask("GET", f"EIO={version}&transport=polling&sid={sid}")).body.decode()

    def web(self, query="EIO=4&transport=websocket", path="/socket.io/", address="192.0.2.1") -> Web:
        web = Web()
        web.inbox.put_nowait({"type": "websocket.connect"})
        given = scope("websocket", query, path, [], address)
        web.task = asyncio.create_task(websocket.carry(self.engine, given, web.inbox.get, web.send))
        return web

    async def web_connected(self, version=4) -> Web:
        web = self.web(f"EIO={version}&transport=websocket")
        assert (await web.hear())["type"] == "websocket.accept"
        assert (await web.hear()).startswith("0{")
        if version == 4:
            web.say("40")
        assert (await web.hear()).startswith("40")
        return web

    def session(self, sid=None) -> Session:
        found: Session = self.engine.sockets[sid] if sid else next(iter(self.engine.sockets.values()))
        return found

    async def until(self, condition) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.001)


def scope(kind, query, path, headers, address, method="GET"):
    return {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": headers,
        "client": (address, 50000),
        "method": method,
    }


@pytest.fixture
async def site() -> AsyncIterator[Harness]:
    harness = Harness()
    yield harness
    harness.engine.close_all(1001)
    for session in list(harness.engine.sockets.values()):
        session.lost()
    await harness.until(lambda: len(harness.engine.heads) == 0)
    await harness.until(lambda: harness.door.gone == len(harness.door.sockets))
