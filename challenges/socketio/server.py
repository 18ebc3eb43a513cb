"""Socket.IO: packets of a connection to the door that its handshake leads to."""

import logging
from dataclasses import dataclass, field
from typing import Any

import socketio
from socketio.exceptions import ConnectionRefusedError  # noqa: A004  (the library's, and every door's)

from accounts import throttle
from challenges.socketio import packets
from challenges.socketio.clients import Clients
from challenges.socketio.doors import Door, Handshake, Socket
from challenges.socketio.engine import Engine, silent_logger
from challenges.socketio.framing import Packet
from challenges.socketio.packets import MALFORMED, BadPacket, Incoming
from challenges.socketio.rates import Heads
from challenges.socketio.session import BAD_PACKET, FAILED, POLICY, TOO_LARGE, Session

_log = logging.getLogger("latchkey.socketio")
_STRANGER = Door()  # the bounds of a connection that no door has taken yet
_MOST_REFUSED = 200  # events in a row beyond the rate
_RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


@dataclass(slots=True)
class _Partial:
    """A binary event whose attachments are on their way."""

    head: Incoming
    size: int
    found: list[bytes] = field(default_factory=list)


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]  # socketio has no types
    """python-socketio's server with its reading of packets replaced: no input raises, order is kept per
    connection, and nothing is logged of what clients send."""

    def __init__(self) -> None:
        super().__init__(
            async_mode="asgi", logger=silent_logger(), json=packets, async_handlers=False, client_manager=Clients()
        )
        self.eio: Engine
        self.eio.on_message, self.eio.work = self._admit, self._work
        self.doors: list[Door] = []
        self._heads: dict[Door, Heads] = {}
        self.on("connect", self._connect)
        self.on("disconnect", self._disconnect)

    def serve(self, door: Door) -> None:
        """Adds a door. The first whose `takes` says yes gets the client."""
        self.doors.append(door)
        self._heads[door] = Heads()

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    # As packets arrive

    def _admit(self, session: Session, packet: Packet) -> bool:
        """Bounds of size and rate, before anything is parsed or queued; attachments count with their event."""
        door = session.socket.door if session.socket else _STRANGER
        size = len(packet) if isinstance(packet, bytes) or packet.isascii() else len(packet.encode("utf-8", "replace"))
        if size > door.event_bytes:
            session.end(TOO_LARGE)
            return False
        if isinstance(packet, bytes) or session.bucket.take(door.rate, session.heard):
            session.refused = 0
            return True
        session.refused += 1
        if session.refused > _MOST_REFUSED or packet[:1] in ("5", "6"):  # attachments without their event follow
            session.end(POLICY)
        elif session.socket:
            door.too_fast(session.socket)
        return False

    # One after the other

    async def _work(self, session: Session) -> None:
        """Handles what waits; ends with the last packet, or after None, which stands for the end."""
        while session.inbox:
            packet = session.inbox.popleft()
            try:
                if packet is None:
                    await self._handle_eio_disconnect(session.sid, self.reason.TRANSPORT_CLOSE)
                else:
                    session.inbox_bytes -= len(packet)
                    await self._packet(session, packet)
            except BadPacket:
                session.end(BAD_PACKET)
            except Exception as error:
                _tell(error)
                session.end(FAILED)
        session.worker = None

    async def _packet(self, session: Session, packet: Packet) -> None:
        if session.partial is not None:
            await self._attachment(session, session.partial, packet)
            return
        if isinstance(packet, bytes):
            raise BadPacket("an attachment of nothing")
        head = packets.read(packet)
        if head.attachments:
            session.partial = _Partial(head, len(packet))
        elif head.namespace != "/":
            if head.kind == packets.CONNECT:
                session.say(f'4{head.namespace},{{"message":"Invalid namespace"}}')
        elif head.kind == packets.CONNECT:
            await self._join(session, head)
        elif head.kind == packets.DISCONNECT:
            await self._handle_disconnect(session.sid, "/", self.reason.CLIENT_DISCONNECT)
        elif head.kind in (packets.EVENT, packets.BINARY_EVENT):
            await self._event(session, head, [])

    async def _attachment(self, session: Session, partial: _Partial, packet: Packet) -> None:
        if isinstance(packet, str):
            raise BadPacket("an attachment is missing")
        partial.found.append(packet)
        partial.size += len(packet)
        if partial.size > (session.socket.door if session.socket else _STRANGER).event_bytes:
            session.end(TOO_LARGE)
        elif len(partial.found) == partial.head.attachments:
            session.partial = None
            if partial.head.namespace == "/" and partial.head.kind == packets.BINARY_EVENT:
                await self._event(session, partial.head, partial.found)

    async def _event(self, session: Session, head: Incoming, attachments: list[bytes]) -> None:
        socket = session.socket
        if socket is None:
            return
        name, data = _name_and_data(socket.door, head.text, attachments)
        if not name or name in _RESERVED:
            return
        session.touch()
        socket.asked(name, head.id)
        answer = await socket.door.event(socket, name, data)
        if answer is not None:
            socket.acknowledge(answer)

    # Coming and going

    async def _join(self, session: Session, head: Incoming) -> None:
        if session.socket is not None or session.closed:
            return
        auth = packets.strict(head.text) if head.text and session.client.version == 4 else None
        await self._handle_eio_connect(session.sid, session)
        await self._handle_connect(session.sid, "/", auth if isinstance(auth, dict) else None)
        if session.socket is not None:
            await session.socket.door.connected(session.socket)

    async def _connect(self, sid: str, session: Session, auth: dict[str, Any] | None) -> None:
        """Called by `socketio` between the connect packet of the client and the answer."""
        handshake = Handshake(session.client, auth or {})
        door = next((door for door in self.doors if door.takes(handshake)), None)
        if door is None:
            raise ConnectionRefusedError("Not available")
        heads, key = self._heads[door], throttle.address_key(session.client.address)
        if not heads.enter(key, door.sockets_per_address):
            raise ConnectionRefusedError("Too many connections")
        socket = Socket(session, door, handshake)
        try:
            await door.connect(socket)
        except Exception as error:  # any other than the refusal would stay in the library's tables for ever
            heads.leave(key)
            if isinstance(error, ConnectionRefusedError):
                raise
            _tell(error)
            raise ConnectionRefusedError("Not available") from None
        session.socket, session.idle_seconds = socket, door.idle_seconds

    async def _disconnect(self, sid: str, reason: str) -> None:
        """Called by `socketio` once for each socket that was connected."""
        session = self.environ[self.manager.rooms["/"][None][sid]]
        socket, session.socket = session.socket, None
        self._heads[socket.door].leave(throttle.address_key(socket.address))
        try:
            await socket.door.disconnect(socket)
        except Exception as error:
            _tell(error)


def _tell(error: Exception) -> None:
    """A fault of a door; its text may hold secrets."""
    _log.error("a door failed: %s", type(error).__name__)


def _name_and_data(door: Door, text: str, attachments: list[bytes]) -> tuple[str, Any]:
    """The event's name and first argument; "" for a name that cannot be read."""
    try:
        value = door.parse(text)
        if attachments:
            value = packets.fill(value, attachments)
    except BadPacket:
        return packets.name_of(text), MALFORMED
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        return "", None
    return value[0], value[1] if len(value) > 1 else None
