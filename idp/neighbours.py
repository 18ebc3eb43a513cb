"""Socket.IO connections of another process on this machine (R65).

A connection by polling lives in one process, and with WORKERS the kernel gives each request to any of them. So the
session id ends with the label of its process, and a request for another's is carried there: its ASGI messages, by
msgpack, over a socket in `VAR_DIR/run`, which belongs to the service user alone. Machines need a balancer that keeps a
client at one of them (docs/deployment.md).
"""

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgpack
from django.conf import settings

from accounts.hot import Receive, Scope, Send
from challenges import socketio

_log = logging.getLogger("latchkey.neighbours")
_SID = re.compile(rb"(?:^|&)sid=[^&]*\.([0-9a-f]{8})(?:&|$)")
_CARRIED = ("type", "method", "path", "raw_path", "query_string", "headers", "client", "scheme", "http_version")
_LONGEST_PATH = 100  # bytes that the kernel takes for the name of a socket, with room
_MOST_BYTES = 4 * 1_048_576
_GONE = {"http": {"type": "http.disconnect"}, "websocket": {"type": "websocket.disconnect", "code": 1006}}
_RESTART = 1012
_FAREWELL = 10.0  # seconds
_YOUNG = 60.0  # seconds in which a name may have been taken by a process that does not listen yet

_label = secrets.token_hex(4)
_listening: asyncio.Lock | None = None
_server: asyncio.Server | None = None


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI below `/socket.io/`: here, or in the process that holds the connection."""
    if settings.REDIS_URL:  # without it there is one process
        await _listen()
        found = _SID.search(scope["query_string"])
        label = found[1].decode() if found else _label
        if label != _label and await _carry(label, scope, receive, send):
            return
    await socketio.application(scope, receive, send)


def stop() -> None:
    """Takes the name away; connections end by themselves."""
    _name(_label).unlink(missing_ok=True)


async def _listen() -> None:
    """Before the first connection is opened, so that its id can be found from everywhere."""
    global _listening, _server
    if _server is not None:
        return
    _listening = _listening or asyncio.Lock()
    async with _listening:
        name = _name(_label)
        if _server is not None or len(str(name)) > _LONGEST_PATH:
            return
        name.parent.mkdir(mode=0o700, exist_ok=True)
        await _clear(name.parent)
        try:
            _server = await asyncio.start_unix_server(_welcome, name)
        except OSError as error:
            _log.warning("no socket for neighbours: %s", type(error).__name__)
            return
        socketio.call_sessions(f".{_label}")


async def _clear(folder: Path) -> None:
    """Names that killed processes left."""
    for name in folder.glob("*.sock"):
        try:
            if time.time() - name.stat().st_mtime < _YOUNG:
                continue
            _, writer = await asyncio.open_unix_connection(name)
            writer.close()
        except ConnectionRefusedError:  # nobody listens
            name.unlink(missing_ok=True)
        except OSError:
            continue


def _name(label: str) -> Path:
    return Path(settings.VAR_DIR) / "run" / f"{label}.sock"


class _Line:
    """ASGI messages in both directions; a read that is given up loses nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._hearing = asyncio.Lock()  # a read that was cancelled may not have noticed when the next one begins
        self._unpacker = msgpack.Unpacker(max_buffer_size=_MOST_BYTES)

    async def say(self, message: Mapping[str, Any]) -> None:
        self._writer.write(msgpack.packb(dict(message)))
        await self._writer.drain()

    async def hear(self) -> dict[str, Any] | None:
        """None when the other side is gone."""
        async with self._hearing:
            while True:
                for message in self._unpacker:
                    heard: dict[str, Any] = message
                    return heard
                data = await self._reader.read(65_536)
                if not data:
                    return None
                self._unpacker.feed(data)

    async def finish(self) -> None:
        """Says that nothing more comes, and hears the other side out: what is said into a closed line breaks it."""
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            if not self._writer.is_closing():
                self._writer.write_eof()
            async with asyncio.timeout(_FAREWELL):
                while await self.hear() is not None:
                    pass
        self.close()

    def close(self) -> None:
        self._writer.close()


async def _carry(label: str, scope: Scope, receive: Receive, send: Send) -> bool:
    """Whether there was such a process and it answered."""
    try:
        line = _Line(*await asyncio.open_unix_connection(_name(label)))
    except OSError:
        return False
    asking = asyncio.create_task(_pass_on(receive, line))
    begun = False
    try:
        await line.say({name: scope[name] for name in _CARRIED if name in scope})
        while (message := await line.hear()) is not None:
            begun = True
            try:
                await send(message)
            except OSError:  # the client is gone
                return True
            if message["type"] == "websocket.close" or _ends(message):
                return True
        if begun and scope["type"] == "websocket" and not asking.done():
            await send({"type": "websocket.close", "code": _RESTART})
    except (OSError, ValueError):  # it died, or is of another release
        _log.warning("a neighbour did not finish its answer")
    finally:
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await asking
        line.close()
    return begun


def _ends(message: Mapping[str, Any]) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


async def _pass_on(receive: Receive, line: _Line) -> None:
    while True:
        message = await receive()
        await line.say(message)
        if message["type"].endswith(".disconnect"):
            return


async def _welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request that came to a neighbour."""
    line = _Line(reader, writer)
    try:
        scope = await line.hear()
        if scope is None:  # only looked whether somebody lives here
            return
        gone = _GONE[scope["type"]]

        async def receive() -> Any:
            return await line.hear() or gone

        await socketio.application(scope, receive, line.say)
    except OSError:
        pass  # the neighbour's client is gone
    except Exception as error:  # must not end in the event loop's log with a payload
        _log.warning("a carried request failed: %s", type(error).__name__)
    finally:
        await line.finish()
