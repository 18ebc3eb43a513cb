"""The plain websocket of the code door, `/ws/login/` (websocket-otp.md §1)."""

import asyncio
from typing import Any

from accounts.consumers import SocketConsumer
from challenges.otp import answers, crowd, frames
from challenges.socketio.rates import Bucket, Rate

_RATE = Rate(per_second=20, burst=40)  # messages (R44)
_MOST_BAD_FRAMES = 5  # in a row
_MOST_REFUSED = 200  # messages in a row beyond the rate
_NORMAL, _UNSUPPORTED, _POLICY, _TOO_LARGE, _TOO_MANY = 1000, 1003, 1008, 1009, 4429


class LoginConsumer(SocketConsumer):
    """One client that signs in. Its messages are handled one after the other, others' do not wait for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._counted = False
        self._bad_frames = self._refused = 0
        self._bucket = Bucket()
        self._timer: asyncio.TimerHandle | None = None

    async def connect(self) -> None:
        """Lets the client in unless its address holds too many sockets."""
        self._counted = crowd.enter(self.ip)
        if not self._counted:
            await self.close(_TOO_MANY)
            return
        await self.accept()
        self._stay(answers.IDLE_SECONDS)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame to its answer."""
        if text_data is None:
            await self.close(_UNSUPPORTED)
        elif len(text_data.encode("utf-8", "surrogatepass")) > answers.MOST_BYTES:
            await self.close(_TOO_LARGE)
        elif not self._bucket.take(_RATE, asyncio.get_running_loop().time()):
            await self._refuse()
        else:
            self._refused = 0
            await self._handle(text_data)

    async def disconnect(self, code: int) -> None:
        """Makes room for the next socket of the address."""
        self._forget_timer()
        if self._counted:
            self._counted = False
            crowd.leave(self.ip)

    async def _handle(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except ValueError as error:
            await self._complain(str(error))
            return
        self._bad_frames = 0
        self._forget_timer()
        response = await answers.answer(frame.event, frame.data, ip=self.ip)
        await self.send(frame.answered(response))
        self._stay(answers.seconds_left(response))

    async def _refuse(self) -> None:
        """A message beyond the rate is told, not handled (R38); only a flood ends the socket."""
        self._refused += 1
        if self._refused > _MOST_REFUSED:
            await self.close(_POLICY)
        else:
            await self.send(frames.error("Too many messages"))

    async def _complain(self, words: str) -> None:
        """The socket stays open, unless that happens time after time."""
        self._bad_frames += 1
        await self.send(frames.error(words))
        if self._bad_frames >= _MOST_BAD_FRAMES:
            await self.close(_POLICY)

    def _stay(self, seconds: float) -> None:
        """Closes the socket when that long nothing comes."""
        self._forget_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, lambda: loop.create_task(self.close(_NORMAL)))

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
