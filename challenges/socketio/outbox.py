"""What a client has not fetched yet, counted (R44)."""

import asyncio
from collections import deque

from challenges.socketio.framing import Packet

MOST_MESSAGES = 256
MOST_BYTES = 1024 * 1024


class Outbox:
    """Packets in order for whoever carries them: a held poll or the writer of a websocket, one at a time."""

    __slots__ = ("_packets", "_taker", "bytes", "ended")

    def __init__(self) -> None:
        self._packets: deque[Packet] = deque()
        self._taker: asyncio.Future[None] | None = None
        self.bytes = 0
        self.ended = False

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def waited_for(self) -> bool:
        """Whether somebody stands ready to carry the next packet away."""
        return self._taker is not None

    def put(self, packet: Packet) -> bool:
        """Never waits; False when the reader is too slow for one more."""
        size = _size(packet)
        if self._packets and (len(self._packets) >= MOST_MESSAGES or self.bytes + size > MOST_BYTES):
            return False
        self._packets.append(packet)
        self.bytes += size
        self._wake()
        return True

    async def ready(self) -> None:
        """Returns when there is something to carry, or nothing ever will be, or somebody else was sent for it."""
        self._wake()
        if self._packets or self.ended:
            return
        taker = self._taker = asyncio.get_running_loop().create_future()
        try:
            await taker
        finally:
            if self._taker is taker:
                self._taker = None

    def pop(self) -> Packet:
        """The oldest packet."""
        packet = self._packets.popleft()
        self.bytes -= _size(packet)
        return packet

    def pop_all(self) -> list[Packet]:
        """Everything there is."""
        taken = list(self._packets)
        self.clear()
        return taken

    def release(self) -> None:
        """Lets the one who waits go with empty hands."""
        self._wake()

    def clear(self) -> None:
        """Forgets what is waiting."""
        self._packets.clear()
        self.bytes = 0

    def end(self) -> None:
        """No more will come; what is there can still be taken."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)
        self._taker = None


def _size(packet: Packet) -> int:
    return len(packet) if isinstance(packet, bytes) or packet.isascii() else len(packet.encode("utf-8", "replace"))
