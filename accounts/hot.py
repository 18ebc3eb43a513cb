"""Hot routes: plain ASGI callables found before Django (architecture.md §5).

A hot route uses the same protocol and services as a view; this file has what its few lines need of HTTP.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

from django.conf import settings

from accounts import addresses, aio, bodies, recent, visits
from accounts.http import as_refusal
from accounts.wire import Answer, Wire

Scope = MutableMapping[str, Any]
Receive = bodies.Receive
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a hot route may look at: query values, headers by lower-case name, the client's address, the body.

    `path` is as it was sent, percent-encoded.
    """

    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    ip: str
    body: bytes = b""
    path: str = ""


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A route answered by one synchronous function in the pool; refusals are rendered by its door's wire.

    `body_limit` names the setting that bounds its body. One that may wait for a subprocess (`waits`) runs in the
    threads of Django's requests, of which there are more, so that it holds up no socket.
    """

    wire: Wire
    answer: Callable[[Asked], Answer]
    reads_body: bool = False
    body_limit: str = "BODY_LIMIT"
    waits: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. A body that the route does not want is never read; the server discards it."""
        try:
            body = b""
            if self.reads_body:
                limit = getattr(settings, self.body_limit)
                body = await bodies.read(dict(scope["headers"]), receive, limit=limit)
            call = aio.call_waiting if self.waits else aio.call
            answer = await call(self.answer, asked(scope, body))
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
        start, body, user_id = remembered or await self._messages(scope, key)
        visits.note_user(user_id)
        await send(start)
        await send(body)

    async def _messages(self, scope: Scope, key: "_Key | None") -> "_Remembered":
        seen = recent.generation()
        try:
            found = self.quick(key[1]) if key is not None else None
            if found is None:
                found = await aio.call(self.answer, asked(scope))
            answer, life = found
        except Exception as error:  # every failure becomes the door's own answer
            refused = _messages_of(self.wire.refusal(as_refusal(error)), head=scope["method"] == "HEAD")
            return *refused, visits.user_id()
        messages = *_messages_of(answer, head=scope["method"] == "HEAD"), visits.user_id()
        if key is not None:
            recent.put(key, messages, seen=seen, life=life)
        return messages


@dataclass(frozen=True, slots=True)
class QuickForm:
    """A hot route that takes a form. `quick` answers on the event loop from headers, body and address, None where it
    cannot: then `answer` does, in the pool of HTTP requests, because it may have to wait for another server."""

    wire: Wire
    answer: Callable[[Asked], Answer]
    quick: Callable[[Mapping[bytes, bytes], bytes], Answer | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = dict(scope["headers"])
        try:
            body = await bodies.read(headers, receive, limit=settings.BODY_LIMIT)
            answer = self.quick(headers, body)
            if answer is None:
                answer = await aio.call_waiting(self.answer, asked(scope, body))
        except bodies.Unreadable as unreadable:
            if not unreadable.status:
                return
            answer = self.wire.failure(unreadable.status)
        except Exception as error:  # every failure becomes the door's own answer
            answer = self.wire.refusal(as_refusal(error))
        await send_answer(send, answer)


@dataclass(frozen=True, slots=True)
class RememberedForm:
    """A form about a token, asked so often that its answers are remembered (`recent`): they depend on the body and on
    the headers that are named. `quick` and `answer` as in `RememberedRoute`."""

    wire: Wire
    answer: Callable[[Asked], tuple[Answer, float | None]]
    quick: Callable[[Mapping[bytes, bytes], bytes], tuple[Answer, float | None] | None]
    depends_on: tuple[bytes, ...]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = dict(scope["headers"])
        try:
            body = await bodies.read(headers, receive, limit=settings.BODY_LIMIT)
        except bodies.Unreadable as unreadable:
            if unreadable.status:
                await send_answer(send, self.wire.failure(unreadable.status))
            return
        key = (scope["path"], body, *[headers.get(name) for name in self.depends_on])
        start, content, user_id = recent.get(key) or await self._messages(key, headers, scope, body)
        visits.note_user(user_id)
        await send(start)
        await send(content)

    async def _messages(self, key: Any, headers: Mapping[bytes, bytes], scope: Scope, body: bytes) -> "_Remembered":
        seen = recent.generation()
        try:
            found = self.quick(headers, body)
            answer, life = found if found is not None else await aio.call(self.answer, asked(scope, body))
        except Exception as error:  # every failure becomes the door's own answer
            return *_messages_of(self.wire.refusal(as_refusal(error)), head=False), visits.user_id()
        messages = *_messages_of(answer, head=False), visits.user_id()
        recent.put(key, messages, seen=seen, life=life)
        return messages


_Key = tuple[str, bytes, str, bytes]
_Messages = tuple[MutableMapping[str, Any], MutableMapping[str, Any]]
_Remembered = tuple[MutableMapping[str, Any], MutableMapping[str, Any], int]  # and whose answer it is


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
    return Asked(query, headers, addresses.of_scope(scope), body, raw_path(scope))


def raw_path(scope: Scope) -> str:
    """The path as it was sent, percent-encoded; encoded again where a server does not keep it."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(scope["path"])


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
