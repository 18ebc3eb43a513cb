"""`/healthz` and `/readyz` as ASGI callables (R63): they ask no thread that requests wait for.

A supervisor restarts what does not answer, and a balancer asks every second: so the process answers for itself, and one
look at the stores serves everybody for a second.
"""

import asyncio
import time

from accounts import aio
from accounts.errors import Refusal
from accounts.hot import Receive, Scope, Send, send_answer
from accounts.wire import Answer
from idp import health, plain
from idp.server import state

_KEPT = 1.0  # seconds one look is good for
_PATIENCE = 8.0  # seconds a look may take
_RETRY_AFTER = 2
_pool = aio.Pool("probe", 1, 256)
_last = ("", -1e9)  # what was missing, and when that was seen


async def healthz(scope: Scope, receive: Receive, send: Send) -> None:
    """The process answers; nothing else is asked."""
    await _send(scope, send, plain.json(200, {"status": "ok"}))


async def readyz(scope: Scope, receive: Receive, send: Send) -> None:
    """Whether requests can be served; 503 names what is missing."""
    missing = "draining" if state.draining else await _missing()
    if missing:
        body = {"status": "unavailable", "reason": missing}
        await _send(scope, send, plain.json(503, body, retry_after=_RETRY_AFTER))
    else:
        await _send(scope, send, plain.json(200, {"status": "ok"}))


def forget() -> None:
    """The next to ask has the stores looked at."""
    global _last
    _last = ("", -1e9)


async def _missing() -> str:
    if _is_fresh():
        return _last[0]
    try:
        async with asyncio.timeout(_PATIENCE):
            return await _pool.call(_look)
    except TimeoutError:
        return "timeout"
    except Refusal:
        return "overloaded"


def _look() -> str:
    """In the thread: those who waited for the one before take its answer."""
    global _last
    if not _is_fresh():
        aio.lend_connection()
        try:
            _last = (health.missing(), time.monotonic())
        finally:
            aio.lend_connection()
    return _last[0]


def _is_fresh() -> bool:
    return time.monotonic() < _last[1] + _KEPT


async def _send(scope: Scope, send: Send, answer: Answer) -> None:
    if scope["method"] not in {"GET", "HEAD"}:
        answer = plain.not_allowed()
    await send_answer(send, answer, head=scope["method"] == "HEAD")
