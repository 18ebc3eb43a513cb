"""uvicorn's websocket with the bounds of R43 and R44, and the close codes of the other server.

uvicorn lets a sender wait for a reader who does not read, for as long as the client likes, and cannot even close such a
socket; and it answers pings of a client that reads no pong. Here a sender never waits: what was sent and has not left
is counted, and who lets it overflow is closed with 4408, and cut off when that is not read either.
"""

# The methods are uvicorn's.
# ruff: noqa: D102

import asyncio
from asyncio import TimerHandle
from collections import deque
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from idp.server.outbox import BATCH_BYTES, CROWDED_MESSAGES
from idp.server.uvicorn_http import BoundedConfig

GOING_AWAY = 1001
TOO_SLOW = 4408


class BoundedSocket(WebSocketsSansIOProtocol):
    """Takes the transport over from the HTTP protocol after the upgrade."""

    config: BoundedConfig
    close_sent: bool
    read_paused: bool

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._limits = self.config.limits
        self._written = 0  # bytes that were given to the transport
        self._ends: deque[int] = deque()  # how many they were behind each message that may not have left
        self._end: TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()

    # To the client

    async def send(self, message: Any) -> None:
        """Never waits for the reader. After a close nothing is sent and nothing raised: the application cannot have
        known. ClientDisconnected when the connection is gone."""
        if not self.handshake_complete or self.initial_response is not None:
            await super().send(message)
        elif self.disconnected:
            raise ClientDisconnected
        elif self.close_sent:
            return
        elif message["type"] == "websocket.close":
            self.close(message.get("code") or 1000, message.get("reason") or "")
        else:
            self._give(message.get("text"), message.get("bytes"))
            if len(self._ends) >= CROWDED_MESSAGES or self._unsent() >= BATCH_BYTES:
                await asyncio.sleep(0)  # so that a burst does not make a reader who keeps up seem slow

    def close(self, code: int, reason: str = "") -> None:
        """The close frame goes out behind what is on its way, and the application is told at once."""
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        try:
            self.conn.send_close(code, reason)
        except InvalidState:  # the client has closed
            return
        self._write()
        self.close_sent = True
        self.stop_keepalive()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self._limits.websocket_close_seconds, self.transport.abort)

    def _give(self, text: str | None, data: bytes | None) -> None:
        content = text.encode() if text is not None else data or b""
        if self._is_too_much(len(content)):
            self.close(TOO_SLOW, "too slow")
            return
        try:
            (self.conn.send_binary if text is None else self.conn.send_text)(content)
        except InvalidState:
            raise ClientDisconnected from None
        self._write()
        self._ends.append(self._written)

    def _write(self) -> None:
        output = b"".join(self.conn.data_to_send())
        self._written += len(output)
        self.transport.write(output)

    def _unsent(self) -> int:
        size: int = self.transport.get_write_buffer_size()
        return size

    def _is_too_much(self, size: int) -> bool:
        unsent = self._unsent()
        while self._ends and self._ends[0] <= self._written - unsent:
            self._ends.popleft()
        too_many = len(self._ends) >= self._limits.unsent_messages
        return bool(self._ends) and (too_many or unsent + size > self._limits.unsent_bytes)

    # From the client

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._closed_for_good()

    def handle_ping(self) -> None:
        self._write()  # the pong, which the protocol has made already
        if self._unsent() > self._limits.unsent_bytes:
            self.transport.abort()

    # The end

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._closed_for_good()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._closed_for_good()

    def wind_down(self, *, settled: bool) -> None:
        """The process is going down: 1001, also for one whose handshake ends meanwhile (R59)."""
        if self.handshake_complete:
            self.close(GOING_AWAY, "the server is going down")

    def _closed_for_good(self) -> None:
        """Closing waits until everything has left, which a client that reads nothing could put off for ever."""
        if self.transport.is_closing() and self._end is None:
            self._end = self.loop.call_later(self._limits.linger_seconds, self.transport.abort)
