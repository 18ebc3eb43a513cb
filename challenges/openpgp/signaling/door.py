"""The signaling room behind `/socket.io/` (laverna.md §5; one-origin.md §1 says which sockets are its own)."""

from typing import Any

from django.conf import settings

from challenges import socketio
from challenges.openpgp.signaling import crowd, events, exact_json, members, messages, refusals, waiting
from challenges.socketio.packets import BadPacket

_KEYS = ("username", "deviceId", "token")
_BEARER = "bearer "
_POLICY = 1008


def _parse(text: str) -> Any:
    """An event whose members keep their text."""
    try:
        return exact_json.event(text)
    except exact_json.Unreadable:
        raise BadPacket("JSON") from None


class SignalDoor(socketio.Door):
    """Sockets that name a Laverna user. Events are acknowledged when the client asks for it."""

    rate = socketio.Rate(per_second=100, burst=200)
    parse = staticmethod(_parse)

    def __init__(self) -> None:
        self.sockets_per_address = settings.SIGNALING_SOCKETS_PER_ADDRESS
        self.event_bytes = settings.SIGNALING_EVENT_BYTES

    def takes(self, handshake: socketio.Handshake) -> bool:
        """Whoever names one of the three keys comes to signal."""
        return handshake.names(*_KEYS)

    async def connect(self, socket: socketio.Socket) -> None:
        """Admits the client, or refuses with the texts of the original."""
        said = _said(socket.handshake)
        try:
            handshake = messages.handshake(*said)
        except messages.Malformed as malformed:
            await refusals.note(str(malformed), username=said[0], ip=socket.address)
            raise socketio.ConnectionRefusedError(str(malformed)) from None
        if not crowd.enter(socket.address):
            raise socketio.ConnectionRefusedError(refusals.TOO_MANY)
        try:
            member, invites = await members.enter(
                handshake,
                ip=socket.address,
                user_agent=socket.user_agent,
                send=lambda parcel: socket.send(parcel.form(messages.packet)),
                close=socket.close,
            )
        except BaseException as error:
            crowd.leave(socket.address)
            if not isinstance(error, Exception):
                raise
            found = refusals.of(error)
            if found.comes_again:  # clients stay away after a refusal, and return after a connection that broke
                socket.close(found.code)
            raise socketio.ConnectionRefusedError(found.words) from None
        socket.state["member"], socket.state["invites"] = member, invites

    async def connected(self, socket: socketio.Socket) -> None:
        """What came meanwhile, and what waited for the client."""
        member = socket.state["member"]
        member.open()
        ids = socket.state.pop("invites")
        await waiting.show(member, ids, unsent=lambda: socket.waiting, is_closed=lambda: socket.closed)

    async def event(self, socket: socketio.Socket, name: str, data: Any) -> Any:
        """One event. What is no object of this client's own text, or came with attachments, does nothing."""
        return await events.handle(socket.state["member"], name, data)

    def too_fast(self, socket: socketio.Socket) -> None:
        """Told, and then closed: no person signals that fast (section 6.12)."""
        socket.emit("error", {"message": "Too many messages"})
        socket.close(_POLICY)

    async def disconnect(self, socket: socketio.Socket) -> None:
        """Leaves the rooms, and makes room for the next socket of the address."""
        members.leave(socket.state.pop("member"))
        crowd.leave(socket.address)


def _said(handshake: socketio.Handshake) -> tuple[Any, Any, Any]:
    """Name, device and token; a token may also stand in the header, where no log keeps it."""
    username, device_id, token = (handshake.get(key) for key in _KEYS)
    header = handshake.client.authorization
    if token is None and header[: len(_BEARER)].lower() == _BEARER:
        token = header[len(_BEARER) :].strip()
    return username, device_id, token
