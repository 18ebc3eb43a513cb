"""From ASGI to Django's synchronous handler in a fixed thread pool: one hop a request (architecture.md §5).

Bodies are read and bounded here, before Django sees them (R41, R42). Pages run through the middleware of the
settings; API paths run through none of it.
"""

import io
from collections.abc import Iterator
from typing import Any

from django.core import signals
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from accounts import aio, bodies, retries
from accounts.errors import Refusal
from accounts.hot import Receive, Scope, Send, send_answer
from idp import origin


class ApiHandler(BaseHandler):
    """Django's handler without middleware: APIs pay for none they do not use."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Only the conversion of exceptions to responses."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]  # private, and stable since Django 1.10


class Bridge:
    """The ASGI application of everything Django answers."""

    def __init__(self) -> None:
        self._api, self._pages = ApiHandler(), BaseHandler()
        self._api.load_middleware()
        self._pages.load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one HTTP request."""
        try:
            limit = origin.body_limit(scope["method"], scope["path"].encode("utf-8", "replace"))
            body = await bodies.read(dict(scope["headers"]), receive, limit=limit)
            response, chunks = await aio.http.call(self._respond, scope, body)
        except bodies.Unreadable as unreadable:
            if unreadable.status:
                await self._fail(scope, send, unreadable.status)
            return
        except Refusal:  # the pool is full
            await self._fail(scope, send, 503)
            return
        await _send(response, chunks, send, head=scope["method"] == "HEAD")

    def _respond(self, scope: Scope, body: bytes) -> tuple[HttpResponseBase, Iterator[bytes]]:
        """Runs in a thread of the pool: the whole of Django's work for one request."""
        set_script_prefix(scope.get("root_path", "") or "/")
        return retries.answering(lambda: self._answer(scope, body))

    def _answer(self, scope: Scope, body: bytes) -> tuple[HttpResponseBase, Iterator[bytes]]:
        signals.request_started.send(sender=self.__class__, scope=scope)
        request = ASGIRequest(scope, io.BytesIO(body))
        handler = self._pages if origin.is_page(scope["path"]) else self._api
        response = handler.get_response(request)
        if isinstance(response, StreamingHttpResponse):
            return response, iter(response)  # type: ignore[arg-type]  # synchronous views stream synchronously
        assert isinstance(response, HttpResponse)
        content = response.content
        response.close()  # sends request_finished: connections go back to their pool
        return response, iter((content,))

    async def _fail(self, scope: Scope, send: Send, status: int) -> None:
        sent, method = dict(scope["headers"]), scope["method"]
        accept, languages = (sent.get(name, b"").decode("latin-1") for name in (b"accept", b"accept-language"))
        answer = origin.failure(status, scope["path"], accept, method, languages)
        await send_answer(send, answer, head=method == "HEAD")


async def _send(response: HttpResponseBase, chunks: Iterator[bytes], send: Send, *, head: bool) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers += [(b"set-cookie", cookie.output(header="").strip().encode()) for cookie in response.cookies.values()]
    if not response.streaming:
        content = next(chunks)
        if not response.has_header("Content-Length"):
            headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else content})
        return
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    try:
        while not head and (chunk := await aio.http.call(next, chunks, None)) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        await aio.http.call(response.close)
    await send({"type": "http.response.body", "body": b""})
