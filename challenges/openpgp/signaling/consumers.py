"""The plain websocket of the signaling room, `/ws/signal/`: the same events as JSON frames (laverna.md §5).

Who speaks is said in the first frame, `{"event": "connect", "data": {"username", "deviceId", "token"}}`; or before it,
with the token in `Authorization` and the two names in the query. Nothing here waits for a reader: what cannot be sent
yet stands in a bounded queue, and who lets it overflow is dropped (R44).
"""

import asyncio
import contextlib
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings

from accounts.consumers import SocketConsumer
from challenges.openpgp.signaling import crowd, events, frames, members, messages, refusals, waiting
from challenges.openpgp.signaling.door import SignalDoor
from challenges.openpgp.signaling.frames import Frame
from challenges.socketio.outbox import Outbox
from challenges.socketio.rates import Bucket

CONNECT = "connect"
_SECONDS_WITHOUT_TOKEN = 30.0
_FAREWELL_SECONDS = 1.0
_MOST_BAD_FRAMES = 5  # in a row
_NORMAL, _UNSUPPORTED, _POLICY, _TOO_LARGE, _NO_TOKEN, _TOO_SLOW = 1000, 1003, 1008, 1009, 4401, 4408


class SignalConsumer(SocketConsumer):
    """One client of the room. Its frames are handled one after the other; others' do not wait for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._member: members.Member | None = None
        self._outbox = Outbox()
        self._writer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing: int | None = None
        self._counted = False
        self._bad_frames = 0
        self._bucket = Bucket()

    async def connect(self) -> None:
        """Accepts the socket, and lets in at once who has said already who it is."""
        self._counted = crowd.enter(self.ip)
        await self.accept()
        self._writer = asyncio.create_task(self._write())
        if not self._counted:
            self._end(refusals.too_many().code)
            return
        self._timer = asyncio.get_running_loop().call_later(_SECONDS_WITHOUT_TOKEN, self._end, _NO_TOKEN)
        header = dict(self.scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if header[:7].lower() == "bearer ":
            query = parse_qs(self.scope["query_string"].decode("latin-1"), max_num_fields=50)
            said = {key: query.get(key, [None])[0] for key in ("username", "deviceId")}
            await self._come_in(Frame(CONNECT, said | {"token": header[7:].strip()}, {}))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame."""
        if self._closing is not None:
            return
        if text_data is None:
            self._end(_UNSUPPORTED)
        elif _size(text_data) > settings.SIGNALING_EVENT_BYTES:
            self._end(_TOO_LARGE)
        elif not self._bucket.take(SignalDoor.rate, asyncio.get_running_loop().time()):
            self._say(frames.error("Too many messages"))
            self._end(_POLICY)
        else:
            await self._frame(text_data)

    async def disconnect(self, code: int) -> None:
        """Leaves the rooms, and makes room for the next socket of the address."""
        self._forget_timer()
        if self._member is not None:
            members.leave(self._member)
            self._member = None
        if self._counted:
            self._counted = False
            crowd.leave(self.ip)
        if self._writer is not None:
            self._writer.cancel()

    async def _frame(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except ValueError as error:
            self._complain(str(error))
            return
        if frame.event == CONNECT and self._member is None:
            await self._come_in(frame)
        elif self._member is None:
            self._complain("Say first who you are, with the event connect")
        elif frame.event == CONNECT:
            self._complain("Connected already")
        else:
            self._answer(frame, await events.handle(self._member, frame.event, frame.data))

    def _answer(self, frame: Frame, answer: dict[str, Any]) -> None:
        """Acknowledges a frame with an `id`; without one only what went wrong is told."""
        if frame.echo:
            self._say(frame.answered(answer))
        elif "error" in answer:
            self._complain(answer["error"])
            return
        if "error" not in answer:
            self._bad_frames = 0

    async def _come_in(self, frame: Frame) -> None:
        self._forget_timer()
        data = frame.data if isinstance(frame.data, dict) else {}
        username = data.get("username")
        try:
            handshake = messages.handshake(username, data.get("deviceId"), data.get("token"))
        except messages.Malformed as malformed:
            await refusals.note(str(malformed), username=username, ip=self.ip)
            self._refuse(frame, refusals.NotIn(str(malformed), _NO_TOKEN))
            return
        agent = dict(self.scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        try:
            self._member, invites = await members.enter(
                handshake,
                ip=self.ip,
                user_agent=agent,
                send=lambda parcel: self._say(parcel.form(messages.framed)),
                close=self._end,
            )
        except Exception as error:
            self._refuse(frame, refusals.of(error))
            return
        self._say(frame.answered(events.OK))
        self._member.open()
        await waiting.show(
            self._member, invites, unsent=lambda: self._outbox.bytes, is_closed=lambda: self._closing is not None
        )

    def _refuse(self, frame: Frame, found: refusals.NotIn) -> None:
        self._say(frame.answered({"error": found.words}))
        self._end(found.code)

    def _complain(self, words: str) -> None:
        """The socket stays open, unless that happens time after time."""
        self._bad_frames += 1
        self._say(frames.error(words))
        if self._bad_frames >= _MOST_BAD_FRAMES:
            self._end(_POLICY)

    def _say(self, text: str) -> None:
        """Never waits; a reader that is too slow is dropped."""
        if self._closing is None and not self._outbox.put(text):
            self._outbox.clear()
            self._end(_TOO_SLOW)
            if self._writer is not None:
                self._writer.cancel()

    def _end(self, code: int = _NORMAL) -> None:
        """Closes when everything said before has gone out."""
        if self._closing is None:
            self._closing = code
            self._forget_timer()
            self._outbox.end()

    async def _write(self) -> None:
        try:
            while True:
                await self._outbox.ready()
                while self._outbox:
                    await self.send(self._outbox.pop())
                if self._outbox.ended:
                    await self.close(self._closing)
                    return
        except asyncio.CancelledError:
            if self._closing == _TOO_SLOW:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(_FAREWELL_SECONDS):
                        await self.close(_TOO_SLOW)
            raise
        except Exception:  # the server's word for "the client is gone"
            self._closing = self._closing or _NORMAL

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
