"""Hot routes: plain ASGI callables found before Django (architecture.md §5).

A hot route uses the same protocol and services as a view; this file has what its few lines need of HTTP.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from accounts import addresses, aio, bodies
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
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
