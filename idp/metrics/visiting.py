"""Every request and socket from its begin to its end: its visit, its figures, its line in the log (R51, R63).

Nothing here may cost much or fail: it stands around every answer of the house.
"""

import re
import secrets
import string
from collections.abc import Awaitable, Callable
from functools import lru_cache
from itertools import count
from time import perf_counter
from typing import Any

from django.conf import settings

from accounts import addresses, figures, visits
from accounts.hot import Receive, Scope, Send
from idp import request_log
from idp.metrics import routes

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_LEFT = 499  # nginx's word for a client that did not wait for the answer
_FAILED = 500
_ID = re.compile(r"[A-Za-z0-9._-]{8,32}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STATUS = {status: str(status) for status in range(100, 600)}
_prefix = "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))
_numbers = count(1)


async def request(answer: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers one HTTP request by `answer`."""
    begun, status = perf_counter(), 0
    visit = _begin(scope)

    def noting(message: Any) -> Awaitable[None]:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        return send(message)

    try:
        await answer(scope, receive, noting)
    except Exception:
        status = status or _FAILED
        raise
    finally:
        _request_ended(scope, visit, status or _LEFT, perf_counter() - begun)


def _request_ended(scope: Scope, visit: visits.Visit, status: int, seconds: float) -> None:
    method, path = scope["method"], scope["path"]
    door, route = routes.of(method, path)
    known = method if method in routes.METHODS else "other"
    figures.REQUESTS.add_here((door, route, known, _STATUS.get(status) or str(status)))
    figures.REQUEST_SECONDS.observe_here(seconds, (door, route))
    if visit.reason:
        figures.REFUSALS.add(door, visit.reason)
    request_log.request(visit, known, path, status, seconds, door)


async def websocket(answer: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Carries one websocket by `answer`."""
    begun, is_open, code = perf_counter(), False, 0
    visit = _begin(scope)
    door, _ = routes.of("GET", scope["path"])

    async def noting(message: Any) -> None:
        nonlocal is_open, code
        kind = message["type"]
        if kind == "websocket.close":
            code = code or message.get("code") or 1000
        await send(message)
        if kind == "websocket.accept" and not is_open:
            is_open = True
            figures.WEBSOCKETS.add(door, "opened")
            request_log.socket("websocket-open", visit, scope["path"], door)

    async def hearing() -> Any:
        nonlocal code
        message = await receive()
        if message["type"] == "websocket.disconnect":
            code = code or message.get("code") or 1005
        return message

    try:
        await answer(scope, hearing, noting)
    finally:
        if not is_open:
            figures.WEBSOCKETS.add(door, "refused")
        event = "websocket-close" if is_open else "websocket-refused"
        seconds = perf_counter() - begun
        request_log.socket(event, visit, scope["path"], door, code=code or 1006, seconds=seconds)


def refused_by_server(status: int, path: str) -> None:
    """A request that the server itself refused before there was one to answer (R41, R42)."""
    door, route = routes.of("GET", path)
    figures.REQUESTS.add(door, route, "other", str(status))
    request_log.request(visits.Visit(_new_id(), ""), "", path, status, 0.0, door)


def _begin(scope: Scope) -> visits.Visit:
    """The visit; the audit log takes its number and address from it."""
    proxies, client = settings.TRUSTED_PROXIES, scope.get("client")
    if proxies:
        visit = visits.Visit(_id_of(scope), addresses.of_scope(scope))
    else:
        visit = visits.Visit(_new_id(), _canonical(client[0] if client else ""))
    visits.current.set(visit)
    return visit


def _new_id() -> str:
    """Unlike any other of this installation; it need not be hard to guess. Letters, so that no log holds a run of
    digits that could be somebody's code."""
    return f"{_prefix}-{next(_numbers):x}"


def _id_of(scope: Scope) -> str:
    """A trusted proxy's own number of the request, if it gives one that can stand in a log; else ours."""
    if addresses.is_proxy((scope.get("client") or ("",))[0]):
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value.decode("latin-1")
                given = given.replace("-", "") if _UUID.fullmatch(given.lower()) else given
                return given if _ID.fullmatch(given) else _new_id()
    return _new_id()


@lru_cache(maxsize=4096)
def _canonical(peer: str) -> str:
    """The client's address (R39) where no proxy stands before us."""
    return addresses.client_address(peer)
