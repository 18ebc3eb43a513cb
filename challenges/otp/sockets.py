"""The code door behind `/socket.io/` (websocket-otp.md §1; one-origin.md §1 says which sockets are its own)."""

import asyncio
from typing import Any

from django.conf import settings

from challenges import socketio
from challenges.otp import answers, crowd, protocol

_LAVERNA_KEYS = ("username", "deviceId", "token")


class CodeDoor(socketio.Door):
    """Sockets that name no Laverna user. Each answer goes out both as acknowledgement and as event."""

    event_bytes = answers.MOST_BYTES
    idle_seconds = answers.IDLE_SECONDS

    def __init__(self) -> None:
        self.sockets_per_address = settings.OTP_SOCKETS_PER_ADDRESS

    def takes(self, handshake: socketio.Handshake) -> bool:
        """Without all three keys a socket comes to sign in."""
        return not handshake.names(*_LAVERNA_KEYS)

    async def connect(self, socket: socketio.Socket) -> None:
        """Refuses an address that holds too many sockets."""
        if not crowd.enter(socket.address):
            raise socketio.ConnectionRefusedError("Too many connections")

    async def event(self, socket: socketio.Socket, name: str, data: Any) -> None:
        """One message to its answer. Events that are not of this door are ignored, as the historic server does."""
        if name not in protocol.EVENTS:
            return
        _forget_timer(socket)
        response = await answers.answer(name, data, ip=socket.address)
        socket.answer(response)
        if not socket.closed:
            timer = asyncio.get_running_loop().call_later(answers.seconds_left(response), socket.close)
            socket.state["timer"] = timer

    async def disconnect(self, socket: socketio.Socket) -> None:
        """Makes room for the next socket of the address."""
        _forget_timer(socket)
        crowd.leave(socket.address)


def _forget_timer(socket: socketio.Socket) -> None:
    timer: asyncio.TimerHandle | None = socket.state.pop("timer", None)
    if timer is not None:
        timer.cancel()
