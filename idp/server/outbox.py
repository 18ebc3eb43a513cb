"""Bytes a websocket has been given and its reader has not taken yet (R44).

daphne hands every frame straight to Twisted's buffer, which has no bound: four clients that never read cost
100 MB in 15 s. Here the transport holds one batch at a time; it tells when that batch has left
(`resumeProducing`, the public pull-producer interface), and everything behind it waits in a queue that is
counted exactly.
"""

# The methods are Twisted's and autobahn's, named and documented there.
# ruff: noqa: D102, N802

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

BATCH_BYTES = 64 * 1024
CROWDED_MESSAGES = 32


@implementer(IPullProducer)
class Outbox:
    """Sends in order and never blocks the sender; past a bound it drops its queue and calls `overflowed`,
    once."""

    def __init__(self, transport: Any, *, max_bytes: int, max_messages: int, overflowed: Callable[[], None]) -> None:
        self._transport = transport
        self._max_bytes, self._max_messages = max_bytes, max_messages
        self._overflowed: Callable[[], None] | None = overflowed
        self._queue: deque[bytes] = deque()
        self._on_way = (0, 0)
        self.bytes = self.messages = 0
        transport.unregisterProducer()  # the HTTP channel's
        transport.registerProducer(self, False)

    @property
    def crowded(self) -> bool:
        """Worth a turn of the event loop for the socket to take something, before a burst goes on."""
        return self.messages >= CROWDED_MESSAGES or self.bytes >= BATCH_BYTES

    def send(self, data: bytes) -> None:
        if self._overflowed and self.messages and self._too_much(len(data)):
            self._overflow()
            return
        self._queue.append(data)
        self.bytes += len(data)
        self.messages += 1
        if self._on_way == (0, 0):
            self._next_batch()

    def flush(self) -> None:
        """Leave everything to the transport: the connection is about to close and no more will come."""
        self._transport.write(b"".join(self._queue))
        self._queue.clear()

    def _too_much(self, size: int) -> bool:
        return self.messages >= self._max_messages or self.bytes + size > self._max_bytes

    def _overflow(self) -> None:
        overflowed, self._overflowed = self._overflowed, None
        self._queue.clear()
        self.bytes, self.messages = self._on_way
        if overflowed:
            overflowed()

    def _next_batch(self) -> None:
        batch: list[bytes] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0]) <= BATCH_BYTES):
            size += len(self._queue[0])
            batch.append(self._queue.popleft())
        self._on_way = (size, len(batch))
        self._transport.write(b"".join(batch))

    # IPullProducer: called by the transport

    def resumeProducing(self) -> None:
        """The batch has left, or there was none yet."""
        self.bytes -= self._on_way[0]
        self.messages -= self._on_way[1]
        self._on_way = (0, 0)
        if self._queue:
            self._next_batch()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._queue.clear()
