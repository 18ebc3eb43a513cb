"""What a flow gives to this package and gets from it: doors, handshakes, sockets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from socketio.packet import Packet

from challenges.socketio import packets
from challenges.socketio.rates import Rate
from challenges.socketio.session import NORMAL, Client, Session


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client said when it came: the query of its first request, and the `auth` of a client of version 4."""

    client: Client
    auth: Mapping[str, Any]

    def names(self, *keys: str) -> bool:
        """Whether any of these keys stands in the query or in `auth`, empty or not."""
        return any(key in self.client.query or key in self.auth for key in keys)

    def get(self, key: str) -> Any:
        """The value in `auth`, which stays out of access logs, else in the query, else None."""
        return self.auth[key] if key in self.auth else self.client.query.get(key)


class Socket:
    """A client in the default namespace. Nothing here waits for it; `state` is the flow's."""

    __slots__ = ("_asked", "_session", "door", "handshake", "state")

    def __init__(self, session: Session, door: "Door", handshake: Handshake) -> None:
        self._session, self.door, self.handshake = session, door, handshake
        self.state: dict[str, Any] = {}
        self._asked: tuple[str, int | None] = ("", None)

    @property
    def address(self) -> str:
        """The client's address (R39), canonical."""
        return self._session.client.address

    @property
    def user_agent(self) -> str:
        """The header of its first request, or ""."""
        return self._session.client.user_agent

    @property
    def closed(self) -> bool:
        """Whether nothing sent now can arrive."""
        return self._session.closed

    @property
    def waiting(self) -> int:
        """Bytes that the client has not fetched yet."""
        return self._session.outbox.bytes

    def emit(self, event: str, data: Any) -> None:
        """Sends an event with one argument; bytes in it go as attachments."""
        try:
            self.send(packets.encode_event(event, data))
        except TypeError:
            self._send_parts(Packet(packets.EVENT, data=[event, data]))

    def send(self, encoded: str) -> None:
        """Sends what `encode_event` made, once for many sockets."""
        self._session.touch()
        self._session.say(encoded)

    def answer(self, data: Any) -> None:
        """Answers the event being handled both ways: as the acknowledgement, if the client asked for one, and as
        an event of the same name (websocket-otp.md §1)."""
        event = self._asked[0]
        self.acknowledge(data)
        self.emit(event, data)

    def acknowledge(self, data: Any) -> None:
        """Answers the event being handled if the client asked for an acknowledgement, and only once."""
        event, number = self._asked
        if number is None:
            return
        self._asked = (event, None)
        self._send_parts(Packet(packets.ACK, data=[data], id=number))

    def close(self, code: int = NORMAL) -> None:
        """Ends the connection with a websocket code; what was sent before still goes out."""
        self._session.end(code)

    def asked(self, event: str, number: int | None) -> None:
        """Called by the server: the event being handled, and the number of the acknowledgement it asks for."""
        self._asked = (event, number)

    def _send_parts(self, packet: Packet) -> None:
        encoded = packet.encode()
        for part in encoded if isinstance(encoded, list) else [encoded]:
            self._session.say(part)


class Door:
    """A flow behind `/socket.io/`. The attributes are its limits; the methods are called for one connection in
    order, and for different connections independently."""

    sockets_per_address: int = 100
    rate: Rate = Rate(per_second=20, burst=40)
    event_bytes: int = 16 * 1024
    """Of one event with its attachments; a larger one closes the connection with 1009."""
    idle_seconds: float | None = None
    """Without an event in either direction, after which the connection is closed."""
    parse: Callable[[str], Any] = staticmethod(packets.strict)
    """JSON text of an event → its list; a door that has to keep numbers or lone surrogates brings its own."""

    def takes(self, handshake: Handshake) -> bool:
        """Whether a client with this handshake comes to this door."""
        raise NotImplementedError

    async def connect(self, socket: Socket) -> None:
        """Admits the client, or raises ConnectionRefusedError(text, data=None). Nothing may be emitted yet."""

    async def connected(self, socket: Socket) -> None:
        """Called once the connect packet is on its way: what is emitted here comes behind it."""

    async def event(self, socket: Socket, name: str, data: Any) -> Any:
        """One event with its first argument, None without one, MALFORMED when its JSON is refused; bytes where
        the client sent attachments. What is returned, unless None, acknowledges the event."""

    async def disconnect(self, socket: Socket) -> None:
        """The connection has ended; called once for each one that `connect` admitted."""

    def too_fast(self, socket: Socket) -> None:
        """An event beyond the rate was dropped (R38: told, not closed; after many in a row closed all the same)."""
        socket.emit("error", {"message": "Too many messages"})
