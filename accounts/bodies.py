"""Reading a request's body within its bounds of size and time, whatever the server (R41, R42)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, MutableMapping
from types import CoroutineType, coroutine
from typing import Any

from django.conf import settings

_FREE_SECONDS, _LEAST_RATE = 5.0, 100.0  # after 5 s a body arrives with at least 100 bytes a second

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Unreadable(Exception):
    """The body will not be read: `status` says why; 0 when the client went away."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def read(headers: Mapping[bytes, bytes], receive: Receive, *, limit: int) -> bytes:
    """The whole body, at most `limit` bytes; `Unreadable` otherwise."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():
        raise Unreadable(400)
    if len(length) > 18 or int(length) > limit:
        raise Unreadable(413)
    if length == b"0" and b"transfer-encoding" not in headers:
        return b""  # nothing will come: no timer to set
    chunks: list[bytes] = []
    size, started = 0, asyncio.get_running_loop().time()
    while True:
        message = await _next(receive, size, started)
        if message["type"] == "http.disconnect":
            raise Unreadable(0)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise Unreadable(413)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _next(receive: Receive, size: int, started: float) -> MutableMapping[str, Any]:
    """The next part of a body, as long as the client keeps up. What has arrived already needs no timer: setting one
    costs more than reading a small form."""
    receiving = receive()
    if isinstance(receiving, CoroutineType):
        try:
            receiving = _rest(receiving, receiving.send(None))
        except StopIteration as done:
            arrived: MutableMapping[str, Any] = done.value
            return arrived
    loop = asyncio.get_running_loop()
    deadline = min(started + settings.BODY_TIMEOUT, started + _FREE_SECONDS + size / _LEAST_RATE + 1.0)
    try:
        async with asyncio.timeout_at(max(deadline, loop.time())):
            return await receiving
    except TimeoutError:
        raise Unreadable(408) from None


@coroutine
def _rest(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """A coroutine that was begun and waits for something: awaiting this awaits its rest."""
    while True:
        thrown: BaseException | None = None
        try:
            sent = yield waits_for
        except BaseException as error:  # a cancellation, which is the coroutine's own business
            thrown = error
        try:
            waits_for = begun.send(sent) if thrown is None else begun.throw(thrown)
        except StopIteration as done:
            return done.value
