"""`/metrics` as an ASGI callable: it asks no thread that requests wait for, so it answers when the house is full."""

from accounts import aio
from accounts.errors import Refusal
from accounts.hot import Receive, Scope, Send, send_answer
from accounts.wire import Answer
from idp import plain
from idp.metrics import access, exposition

_pool = aio.Pool("metrics", 1, 4)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """GET /metrics; 403 for who may not read it, without a word about what there would be."""
    is_head = scope["method"] == "HEAD"
    if scope["method"] not in {"GET", "HEAD"}:
        await send_answer(send, plain.not_allowed())
    elif not access.may_read(scope):
        await send_answer(send, plain.json(403, {"status": "forbidden"}), head=is_head)
    else:
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        try:
            body, content_type = await _pool.call(_page, accept)
        except Refusal:  # too many ask at once
            await send_answer(send, plain.json(503, {"status": "busy"}, retry_after=1), head=is_head)
            return
        headers = (("Content-Type", content_type), *plain.HEADERS)
        await send_answer(send, Answer(200, body, headers), head=is_head)


def _page(accept: str) -> tuple[bytes, str]:
    """In the thread: with a database connection that is nobody's afterwards."""
    aio.lend_connection()
    try:
        return exposition.page(accept)
    finally:
        aio.lend_connection()
