"""One Engine.IO connection, whatever carries it: heartbeat, silence, what waits in both directions."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from challenges.socketio.framing import Packet
from challenges.socketio.outbox import Outbox
from challenges.socketio.packets import BadPacket, for_version_3
from challenges.socketio.rates import Bucket, Rate

if TYPE_CHECKING:
    from challenges.socketio.engine import Engine

PING_INTERVAL, PING_TIMEOUT = 25.0, 20.0  # seconds
CONNECT_SECONDS = 30.0  # for a connection that is in no namespace
FAREWELL_SECONDS = 10.0  # for a polling client to fetch the last packets
MOST_WAITING_BYTES = 1024 * 1024  # of messages a slow handler has not taken yet

NORMAL, GOING_AWAY, BAD_PACKET, POLICY, TOO_LARGE, FAILED, COME_AGAIN = 1000, 1001, 1002, 1008, 1009, 1011, 1012
TOO_SLOW = 4408
_CONTROL = Rate(per_second=5, burst=50)  # pings, pongs and steps of an upgrade
_COMES_AGAIN = frozenset({GOING_AWAY, COME_AGAIN, TOO_SLOW})


@dataclass(frozen=True, slots=True)
class Client:
    """Who opened the connection; `authorization` and `user_agent` are headers of the first request, or ""."""

    version: int
    query: Mapping[str, str]
    address: str
    user_agent: str = ""
    authorization: str = ""
    origin: str = ""


class Session:
    """`hear` takes what the client sent, `outbox` holds what it has to be sent; nothing here waits.

    `socket` is what the flow sees of it, once it is connected to the default namespace.
    """

    __slots__ = (
        "_control",
        "_engine",
        "_loop",
        "_opened",
        "_pinged",
        "_timer",
        "active",
        "bucket",
        "client",
        "close_code",
        "closed",
        "heard",
        "idle_seconds",
        "inbox",
        "inbox_bytes",
        "on_websocket",
        "outbox",
        "partial",
        "refused",
        "sid",
        "socket",
        "upgrading",
        "worker",
        "writer",
    )  # fmt: skip

    def __init__(self, engine: "Engine", sid: str, client: Client) -> None:
        self._engine, self.sid, self.client = engine, sid, client
        self._loop = asyncio.get_running_loop()
        self.outbox = Outbox()
        self.inbox: deque[Packet | None] = deque()
        self.inbox_bytes = 0
        self.worker: asyncio.Task[None] | None = None
        self.writer: asyncio.Task[Any] | None = None
        self.partial: Any = None  # a binary event that waits for its attachments
        self.bucket, self._control = Bucket(), Bucket()
        self.refused = 0
        self.socket: Any = None
        self.closed = self.upgrading = self.on_websocket = False
        self.close_code = NORMAL
        self.idle_seconds: float | None = None
        self._opened = self._pinged = self.heard = self.active = self._loop.time()
        self._timer = self._loop.call_later(PING_INTERVAL, self._look)

    # From the client

    def hear(self, packet: Packet) -> None:
        """One packet of a poll or frame; BadPacket when it means nothing."""
        self.heard = self._loop.time()
        if not isinstance(packet, bytes) and packet[0] != "4" and not self._control.take(_CONTROL, self.heard):
            self.end(POLICY)
        elif isinstance(packet, bytes) or packet[0] == "4":
            self._engine.message(self, packet if isinstance(packet, bytes) else packet[1:])
        elif packet[0] == "2" and self.client.version == 3 and packet in ("2", "2probe"):
            self.put("3" + packet[1:])
        elif packet == "1":
            self.lost()
        elif packet not in ("3", "5", "6"):
            raise BadPacket("no packet")

    # To the client

    def put(self, packet: Packet) -> None:
        """Sends a packet; a client too slow to fetch what it is sent loses its connection (R44)."""
        if not self.closed and not self.outbox.put(packet):
            self.outbox.clear()
            self.end(TOO_SLOW)
            if self.writer is not None:
                self.writer.cancel()

    def touch(self) -> None:
        """An event went in or out: the connection is not idle."""
        self.active = self._loop.time()

    def say(self, message: Packet) -> None:
        """Sends a Socket.IO packet, in the form of the client's version."""
        if isinstance(message, str):
            message = "4" + (for_version_3(message) if self.client.version == 3 else message)
        self.put(message)

    def end(self, code: int) -> None:
        """Closes with a websocket code; clients come again by themselves only after the codes that ask for it."""
        if self.closed:
            return
        if self.socket is not None and code not in _COMES_AGAIN:
            self.outbox.put("41")
        self.close_code = code
        self._gone()
        if not self.on_websocket:
            self._timer = self._loop.call_later(FAREWELL_SECONDS, self._engine.forget, self)

    def lost(self, code: int = NORMAL) -> None:
        """The transport has ended, or the client has said so."""
        if not self.closed:
            self.close_code = code
            self._gone()
        self._engine.forget(self)

    def last_words(self) -> list[Packet]:
        """For a poll that found nothing: the end, if it has come. It goes out behind everything else, and alone:
        clients of 4.x handle it before the packets that came with it."""
        if not self.closed:
            return ["6"]
        self._timer.cancel()
        self._engine.forget(self)
        return ["1"]

    def _gone(self) -> None:
        self.closed = True
        self._timer.cancel()
        self.outbox.end()
        self._engine.ended(self)

    def _look(self) -> None:
        """Pings a client of version 4, and ends what is silent, idle, or belongs nowhere."""
        now = self._loop.time()
        limits = [self.heard + PING_INTERVAL + PING_TIMEOUT]
        if self.socket is None:
            limits.append(self._opened + CONNECT_SECONDS)
        if self.idle_seconds is not None and not self.inbox and self.worker is None:
            limits.append(self.active + self.idle_seconds)
        if min(limits) <= now:
            self.end(NORMAL)
            return
        ping_at = self._pinged + PING_INTERVAL
        if ping_at <= now:
            self._pinged, ping_at = now, now + PING_INTERVAL
            if self.client.version == 4:
                self.put("2")
        if not self.closed:
            self._timer = self._loop.call_later(min(*limits, ping_at) - now, self._look)
