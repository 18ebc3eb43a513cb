"""Hot routes: plain ASGI callables found before Django (architecture.md §5).

A hot route uses the same protocol and services as a view; this file has what its few lines need of HTTP.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from accounts import addresses, aio, bodies, recent
from accounts.http import as_refusal
from accounts.wire import Answer, Wire

Scope = MutableMapping[str, Any]
Receive = bodies.Receive
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a hot route may look at: query values, headers by lower-case name, the client's address, the body."""

    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    ip: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A route answered by one synchronous function in the pool; refusals are rendered by its door's wire."""

    wire: Wire
    answer: Callable[[Asked], Answer]
    reads_body: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. A body that the route does not want is never read; the server discards it."""
        try:
            body = b""
            if self.reads_body:
                body = await bodies.read(dict(scope["headers"]), receive, limit=settings.BODY_LIMIT)
            answer = await aio.call(self.answer, asked(scope, body))
        except bodies.Unreadable as unreadable:
            if not unreadable.status:
                return
            answer = self.wire.failure(unreadable.status)
        except Exception as error:  # every failure becomes the door's own answer
            answer = self.wire.refusal(as_refusal(error))
        await send_answer(send, answer, head=scope["method"] == "HEAD")


@dataclass(frozen=True, slots=True)
class RememberedRoute:
    """A hot route about the bearer of a token, asked so often that its answers are remembered (`recent`).

    `quick` answers on the event loop from the Authorization header, None where it cannot; `answer` says also for how
    many seconds its answer stays true, None for long. Refusals are never remembered.
    """

    wire: Wire
    answer: Callable[[Asked], tuple[Answer, float | None]]
    quick: Callable[[bytes], tuple[Answer, float | None] | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        key = _key_of(scope)
        remembered = recent.get(key) if key is not None else None
        start, body = remembered or await self._messages(scope, key)
        await send(start)
        await send(body)

    async def _messages(self, scope: Scope, key: "_Key | None") -> "_Messages":
        seen = recent.generation()
        try:
            found = self.quick(key[1]) if key is not None else None
            if found is None:
                found = await aio.call(self.answer, asked(scope))
            answer, life = found
        except Exception as error:  # every failure becomes the door's own answer
            return _messages_of(self.wire.refusal(as_refusal(error)), head=scope["method"] == "HEAD")
        messages = _messages_of(answer, head=scope["method"] == "HEAD")
        if key is not None:
            recent.put(key, messages, seen=seen, life=life)
        return messages


_Key = tuple[str, bytes, str, bytes]
_Messages = tuple[MutableMapping[str, Any], MutableMapping[str, Any]]


def _key_of(scope: Scope) -> _Key | None:
    """What the answer depends on: the route, the token's header, where the request comes from; None for rare forms."""
    authorization = forwarded = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            if authorization:
                return None
            authorization = value
        elif name == b"x-forwarded-for":
            forwarded += b"," + value
    if not authorization or scope["query_string"] or scope["method"] != "GET":
        return None
    client = scope.get("client")
    return scope["path"], authorization, client[0] if client else "", forwarded


@lru_cache(maxsize=256)
def _encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """Headers as they go out; most answers of a route have the same."""
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in headers)


def asked(scope: Scope, body: bytes = b"") -> Asked:
    """The parts of a scope that hot routes use."""
    query: dict[str, list[str]] = {}
    if scope["query_string"]:
        for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            query.setdefault(name, []).append(value)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Asked(query, headers, addresses.of_scope(scope), body)


async def send_answer(send: Send, answer: Answer, *, head: bool = False) -> None:
    """Sends a whole answer; `head` leaves the body out, its length stays."""
    for message in _messages_of(answer, head=head):
        await send(message)


def _messages_of(answer: Answer, *, head: bool) -> _Messages:
    headers = [*_encoded(answer.headers), (b"content-length", str(len(answer.body)).encode())]
    return (
        {"type": "http.response.start", "status": answer.status, "headers": headers},
        {"type": "http.response.body", "body": b"" if head else answer.body},
    )
