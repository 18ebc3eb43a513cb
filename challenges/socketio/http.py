"""The HTTP side of `/socket.io/`: handshake, polling, preflight, errors in Engine.IO's form."""

import asyncio
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

import orjson

from accounts import addresses, bodies
from accounts.errors import Reason
from accounts.hot import Receive, Scope, Send
from accounts.wire import Shape, Wire
from challenges.socketio import framing
from challenges.socketio.engine import MOST_BODY_BYTES, Engine, TooMany
from challenges.socketio.packets import BadPacket
from challenges.socketio.session import BAD_PACKET, Client, Session

Headers = list[tuple[bytes, bytes]]

UNKNOWN_TRANSPORT, UNKNOWN_SESSION, BAD_METHOD, BAD_REQUEST, FORBIDDEN, BAD_VERSION = range(6)
_TEXTS = ("Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden",
          "Unsupported protocol version")  # fmt: skip
_MOST_FIELDS = 50

WIRE = Wire(
    shapes={reason: Shape(400, _TEXTS[BAD_REQUEST]) for reason in Reason},
    render=lambda shape, text, refusal: {"code": BAD_REQUEST, "message": text},
)
"""Errors that the server makes itself, such as 413 by Content-Length; it does not know the origin to echo."""


class Refused(Exception):
    """An answer that is an error: Engine.IO's code and the status of HTTP."""

    def __init__(self, code: int, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


def query_of(scope: Scope) -> dict[str, str]:
    """The query, first value of each key; Refused for one that is no query."""
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise Refused(BAD_REQUEST) from None
    return dict(reversed(pairs))


def client_of(scope: Scope, query: Mapping[str, str]) -> Client:
    """Who opens a connection; Refused for a version nobody speaks. Old Swift clients name none and mean 3."""
    version = query.get("EIO", "3")
    if version not in ("3", "4"):
        raise Refused(BAD_VERSION)
    if "j" in query:  # JSONP executes answers as script
        raise Refused(BAD_REQUEST)
    headers = dict(scope["headers"])
    return Client(
        version=int(version),
        query=query,
        address=addresses.of_scope(scope),
        user_agent=headers.get(b"user-agent", b"").decode("latin-1"),
        authorization=headers.get(b"authorization", b"").decode("latin-1"),
        origin=headers.get(b"origin", b"").decode("latin-1"),
    )


async def answer(engine: Engine, scope: Scope, receive: Receive, send: Send) -> None:
    """One request below `/socket.io/`."""
    try:
        await _answer(engine, scope, receive, send)
    except Refused as refused:
        body = orjson.dumps({"code": refused.code, "message": _TEXTS[refused.code]})
        await _send(scope, send, refused.status, body, b"application/json")
    except bodies.Unreadable as unreadable:
        if unreadable.status:
            body = orjson.dumps({"code": BAD_REQUEST, "message": _TEXTS[BAD_REQUEST]})
            await _send(scope, send, unreadable.status, body, b"application/json")


async def _answer(engine: Engine, scope: Scope, receive: Receive, send: Send) -> None:
    method = scope["method"]
    if method == "OPTIONS":
        await _send(scope, send, 204, b"", b"text/plain", _preflight(scope))
        return
    if scope["path"] not in ("/socket.io/", "/socket.io"):
        raise Refused(UNKNOWN_TRANSPORT, 404)
    query = query_of(scope)
    if query.get("transport", "polling") != "polling":
        raise Refused(BAD_REQUEST if query["transport"] == "websocket" else UNKNOWN_TRANSPORT)
    if method == "GET":
        session = _session(engine, query) if "sid" in query else open_session(engine, scope, query, upgrades=True)
        packets = await _poll(session)
        body = framing.encode(session.client.version, packets)
        await _send(scope, send, 200, body, b"text/plain; charset=UTF-8")
    elif method == "POST" and "sid" in query:
        await _post(_session(engine, query), scope, receive)
        await _send(scope, send, 200, b"ok", b"text/html")
    else:
        raise Refused(BAD_METHOD, 400 if method == "POST" else 405)


def open_session(engine: Engine, scope: Scope, query: Mapping[str, str], *, upgrades: bool) -> Session:
    """A new connection that has its open packet; Refused when the server is full or going down."""
    client = client_of(scope, query)
    if engine.going_down():
        raise Refused(FORBIDDEN, 503)
    try:
        session = engine.open(client)
    except TooMany:
        raise Refused(FORBIDDEN, 429) from None
    engine.greet(session, upgrades=upgrades)
    return session


def _session(engine: Engine, query: Mapping[str, str]) -> Session:
    session: Session | None = engine.sockets.get(query["sid"])
    if session is None:
        raise Refused(UNKNOWN_SESSION)
    if session.on_websocket or "j" in query:
        raise Refused(BAD_REQUEST)
    return session


async def _poll(session: Session) -> list[framing.Packet]:
    """What waits for the client, as soon as something does. While it changes to a websocket: nothing, at once."""
    if not session.upgrading:
        try:
            await session.outbox.ready()
        except asyncio.CancelledError:  # the client hung up: daphne says so
            session.lost()
            raise
    if session.upgrading or session.on_websocket:
        return ["6"]
    return session.outbox.pop_all() or session.last_words()


async def _post(session: Session, scope: Scope, receive: Receive) -> None:
    headers = dict(scope["headers"])
    body = await bodies.read(headers, receive, limit=MOST_BODY_BYTES)
    if session.closed:
        return  # it learns so from its next poll
    octets = headers.get(b"content-type", b"").lower().startswith(b"application/octet-stream")
    try:
        for packet in framing.decode(session.client.version, body, octets=octets):
            session.hear(packet)
    except (framing.BadFraming, BadPacket):
        session.end(BAD_PACKET)
        raise Refused(BAD_REQUEST) from None


def _preflight(scope: Scope) -> Headers:
    asked = [(b"access-control-allow-headers", value) for name, value in scope["headers"] if name == _ASKS_FOR]
    return [(b"access-control-allow-methods", b"GET, POST, OPTIONS"), (b"access-control-max-age", b"600"), *asked[:1]]


_ASKS_FOR = b"access-control-request-headers"


def cors(scope: Scope) -> Headers:
    """Every origin is echoed: clients of 2.0 send credentials, and no cookie is authority here (R45)."""
    origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
    if origin is None:
        return [(b"vary", b"Origin")]
    allowed = [(b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")]
    return [(b"vary", b"Origin"), *allowed]


async def _send(
    scope: Scope, send: Send, status: int, body: bytes, kind: bytes, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
    if status in (429, 503):
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *cors(scope), *extra]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
