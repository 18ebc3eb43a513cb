"""The websocket side of `/socket.io/`: opened at once or by an upgrade from polling. Never permessage-deflate."""

import asyncio
import contextlib
from typing import Any

from accounts.hot import Receive, Scope, Send
from challenges.socketio import framing
from challenges.socketio.engine import Engine
from challenges.socketio.framing import BadFraming, Packet
from challenges.socketio.http import BAD_REQUEST, UNKNOWN_SESSION, Refused, open_session, query_of
from challenges.socketio.packets import BadPacket
from challenges.socketio.session import BAD_PACKET, FAILED, TOO_SLOW, Session

_PROBE_SECONDS = 10.0
_FAREWELL_SECONDS = 1.0


async def carry(engine: Engine, scope: Scope, receive: Receive, send: Send) -> None:
    """One websocket, from its handshake to its end."""
    await receive()
    try:
        query = query_of(scope)
        if scope["path"] not in ("/socket.io/", "/socket.io") or query.get("transport", "websocket") != "websocket":
            raise Refused(BAD_REQUEST)
        upgrade = "sid" in query
        session = _upgradable(engine, query["sid"]) if upgrade else open_session(engine, scope, query, upgrades=False)
    except Refused:
        await send({"type": "websocket.close"})  # before it is accepted: 403
        return
    session.on_websocket = not upgrade
    try:
        await send({"type": "websocket.accept"})
        if upgrade and not await _probe(session, receive, send):
            await send({"type": "websocket.close", "code": BAD_PACKET})
            return
        session.on_websocket = True
        await _Carrier(session, receive, send).run()
    finally:
        if session.on_websocket:
            session.lost()


def _upgradable(engine: Engine, sid: str) -> Session:
    session: Session | None = engine.sockets.get(sid)
    if session is None or session.closed:
        raise Refused(UNKNOWN_SESSION)
    if session.on_websocket or session.upgrading:
        raise Refused(BAD_REQUEST)
    session.upgrading = True
    return session


async def _probe(session: Session, receive: Receive, send: Send) -> bool:
    """The client asks over the new transport, stops polling, and says that it has changed.

    A connection that ends meanwhile has last words, and who has changed will not poll for them.
    """
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            if (await receive()).get("text") != "2probe":
                return False
            await send({"type": "websocket.send", "text": "3probe"})
            session.outbox.release()
            return (await receive()).get("text") == "5"
    except TimeoutError:
        return False
    finally:
        session.upgrading = False


class _Carrier:
    """Reads in a task of its own; writes here, until the connection has ended and all is said."""

    def __init__(self, session: Session, receive: Receive, send: Send) -> None:
        self._session, self._receive, self._send = session, receive, send

    async def run(self) -> None:
        """Returns when the websocket is closed. A writer that hangs on a client who does not read is cancelled."""
        session = self._session
        reader = asyncio.create_task(self._read())
        session.writer = asyncio.create_task(self._write())
        try:
            await asyncio.wait([session.writer])
            if session.writer.cancelled():
                await self._say_too_slow()
            else:
                session.writer.exception()  # the server's word for "the client is gone"
        finally:
            reader.cancel()
            session.writer.cancel()

    async def _say_too_slow(self) -> None:
        """One who reads nothing does not read this either, and daphne has said it already."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._send({"type": "websocket.close", "code": TOO_SLOW})

    async def _write(self) -> None:
        session, outbox = self._session, self._session.outbox
        version = session.client.version
        while True:
            await outbox.ready()
            while outbox:
                await self._send(_frame(framing.frame(version, outbox.pop())))
            if outbox.ended:
                await self._send({"type": "websocket.close", "code": session.close_code})
                return

    async def _read(self) -> None:
        session, receive = self._session, self._receive
        version = session.client.version
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                session.hear(framing.unframe(version, message.get("bytes") or b"" if text is None else text))
            session.lost(message.get("code") or 1005)
        except (BadFraming, BadPacket):
            session.end(BAD_PACKET)
        finally:
            session.end(FAILED)


def _frame(content: Packet) -> dict[str, Any]:
    kind = "text" if isinstance(content, str) else "bytes"
    return {"type": "websocket.send", kind: content}
