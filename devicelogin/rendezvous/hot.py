"""The routes of rendezvous sessions, all hot: what two devices ask once a second (qr-login.md §2, §3; §8).

A read is answered on the event loop where the session lies in SQLite (`accounts.quick_look`). Everything else goes
through one function in the pool. No method of these paths reaches Django, so every answer can say which state the
session is in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from accounts import addresses, aio, bodies
from accounts.errors import Reason, Refusal
from accounts.hot import Receive, Scope, Send
from accounts.http import as_refusal
from accounts.wire import Wire
from devicelogin.rendezvous import answers, protocol, services
from devicelogin.rendezvous.answers import Conflict, Reply
from devicelogin.rendezvous.protocol import CREATE_PATHS, Form, Held


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verb may look at: the method, headers by lower-case name, the client's address, the body."""

    method: str
    headers: Mapping[str, str]
    ip: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class CreationRoute:
    """A create path: POST makes a session, GET says whether one could be made (the current form only)."""

    form: Form
    wire: Wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        method = scope["method"]
        reply = answers.preflight(self.form, is_session=False) if method == "OPTIONS" else None
        try:
            reply = reply or await self._answer(scope, receive)
        except ClientGone:
            return
        except Exception as error:  # every failure becomes the door's own answer
            refusal, _ = await _explained(scope, as_refusal(error))
            reply = answers.refused(self.wire, refusal)
        await _send(send, reply, head=method == "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        if scope["method"] not in protocol.METHODS_OF_CREATION[self.form]:
            raise Refusal(Reason.METHOD_NOT_ALLOWED)
        headers = _headers(scope)
        if scope["method"] != "POST":
            return await aio.call(self._discover, _asked(scope, headers))
        protocol.check_head(self.form, headers, writes=False)
        body = await _body(scope, receive, limit=_limit(self.form))
        return await aio.call(self._create, _asked(scope, headers, body))

    def _discover(self, asked: Asked) -> Reply:
        authorization = asked.headers.get("authorization", "")
        can = services.may_create(self.form, authorization=authorization, ip=asked.ip)
        return answers.as_json(self.form, b'{"create_available":%b}' % (b"true" if can else b"false"))

    def _create(self, asked: Asked) -> Reply:
        services.admit(asked.ip)
        user = services.creator(self.form, authorization=asked.headers.get("authorization", ""), ip=asked.ip)
        data = protocol.parse_creation(self.form, asked.body)
        session_id, held = services.create(self.form, data, ip=asked.ip, user=user)
        body = protocol.render_created(
            self.form, session_id, held, now_ms=held.written_ms, base_url=settings.PUBLIC_URL
        )
        return answers.as_json(self.form, body, status=201 if self.form is Form.TEXT else 200, held=held)


@dataclass(frozen=True, slots=True)
class SessionRoute:
    """The sessions below a create path."""

    form: Form
    wire: Wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request. Refusals tell the state of the session too."""
        method, session_id = scope["method"], ""
        reply = answers.preflight(self.form, is_session=True) if method == "OPTIONS" else None
        try:
            if reply is None:
                session_id = protocol.parse_id(protocol.id_in(scope["path"]), self.form)
                reply = await self._answer(scope, receive, session_id)
        except ClientGone:
            return
        except Exception as error:  # every failure becomes the door's own answer
            refusal, held = await _explained(scope, as_refusal(error), self._with_state(session_id))
            reply = answers.refused(self.wire, refusal, is_session=True, held=held)
        await _send(send, reply, head=method == "HEAD")

    def _with_state(self, session_id: str) -> str:
        """The session whose state an error tells in headers, "" for none."""
        return session_id if self.form is Form.TEXT else ""

    async def _answer(self, scope: Scope, receive: Receive, session_id: str) -> Reply:
        method = scope["method"]
        if method in ("GET", "HEAD"):
            headers = _headers(scope)
            protocol.check_navigation(headers)
            held = services.quick(session_id)
            if held is None:
                held = await aio.call(self._read, session_id, addresses.of_scope(scope))
            return self._shown(held, headers.get("if-none-match", ""))
        if method == "PUT":
            headers = _headers(scope)
            protocol.check_head(self.form, headers, writes=True)
            body = await _body(scope, receive, limit=_limit(self.form))
            return await aio.call(self.write, session_id, _asked(scope, headers, body))
        if method == "DELETE":
            return await aio.call(self._delete, session_id, addresses.of_scope(scope))
        raise Refusal(Reason.METHOD_NOT_ALLOWED)

    def _read(self, session_id: str, ip: str) -> Held:
        services.admit(ip)
        return services.read(session_id)

    def _shown(self, held: Held, if_none_match: str) -> Reply:
        if self.form is Form.JSON:
            return answers.as_json(self.form, protocol.render_read(held, services.now_ms()))
        is_known = bool(if_none_match) and protocol.matches(if_none_match, held.token)
        return answers.read_text(held, is_known=is_known)

    def write(self, session_id: str, asked: Asked, transaction: str = "") -> Reply:
        """A write; `transaction` as the client names it, "" where it does not."""
        services.admit(asked.ip)
        wish = protocol.parse_write(self.form, asked.headers, asked.body)
        held = services.write(session_id, wish.token, wish.data, transaction=transaction)
        if self.form is Form.TEXT:
            return answers.written_text(held)
        return answers.as_json(self.form, protocol.render_written(held))

    def _delete(self, session_id: str, ip: str) -> Reply:
        services.admit(ip)
        services.delete(session_id)
        return answers.deleted(self.form)


@dataclass(frozen=True, slots=True)
class TransactionRoute:
    """`PUT {session}/{transaction}`: a write as later revisions of the current form send it."""

    session: SessionRoute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; there are no others here."""
        method, wire = scope["method"], self.session.wire
        try:
            if method == "OPTIONS":
                return await _send(send, answers.preflight(Form.JSON, is_session=True), head=False)
            session_id, transaction = protocol.ids_in(scope["path"])
            if method != "PUT":
                raise Refusal(Reason.PATH_UNKNOWN)
            body = await _body(scope, receive, limit=_limit(Form.JSON))
            asked = _asked(scope, _headers(scope), body)
            reply = await aio.call(self.session.write, session_id, asked, transaction)
        except ClientGone:
            return None
        except Exception as error:  # every failure becomes the door's own answer
            refusal, _ = await _explained(scope, as_refusal(error))
            reply = answers.refused(wire, refusal, is_session=True)
        return await _send(send, reply, head=method == "HEAD")


_CREATIONS: Mapping[str, CreationRoute] = {
    path: CreationRoute(form, answers.wire_of(path, form)) for path, form in CREATE_PATHS.items()
}
_SESSIONS: Mapping[str, SessionRoute] = {
    path: SessionRoute(form, answers.wire_of(path, form)) for path, form in CREATE_PATHS.items()
}
_TRANSACTIONS: Mapping[str, TransactionRoute] = {
    path: TransactionRoute(route) for path, route in _SESSIONS.items() if route.form is Form.JSON
}


def route_of(path: str) -> CreationRoute | SessionRoute | TransactionRoute | None:
    """Who answers here, whatever the method; None for paths of others."""
    above = path.rpartition("/")[0]
    found = _CREATIONS.get(path) or _SESSIONS.get(above)
    return found or (_TRANSACTIONS.get(above.rpartition("/")[0]) if "/rendezvous/" in above else None)


class ClientGone(Exception):
    """Nobody is left to be answered."""


async def _body(scope: Scope, receive: Receive, *, limit: int) -> bytes:
    """The whole body; TOO_LARGE, MALFORMED with field http or "body in time", ClientGone."""
    try:
        return await bodies.read(dict(scope["headers"]), receive, limit=limit)
    except bodies.Unreadable as unreadable:
        if not unreadable.status:
            raise ClientGone from None
        if unreadable.status == 413:
            raise Refusal(Reason.TOO_LARGE) from None
        raise Refusal(Reason.MALFORMED, field="body in time" if unreadable.status == 408 else "http") from None


async def _explained(scope: Scope, refusal: Refusal, session_id: str = "") -> tuple[Refusal, Held | None]:
    """What an error tells: that nothing is served, or not to this address, before anything else; then the state of the
    session, if it is named and there is one."""
    if isinstance(refusal, Conflict):
        return refusal, refusal.held
    if refusal.reason in _SAYS_ENOUGH:
        return refusal, None
    try:
        return await aio.call(_looked_at, refusal, addresses.of_scope(scope), session_id)
    except Exception:  # the error that is being told matters more
        return refusal, None


_SAYS_ENOUGH = frozenset({Reason.PATH_UNKNOWN, Reason.NOT_ADMITTED, Reason.UNAVAILABLE, Reason.OVERLOADED})


def _looked_at(refusal: Refusal, ip: str, session_id: str) -> tuple[Refusal, Held | None]:
    try:
        services.admit(ip)
    except Refusal as closed:
        return closed, None
    return refusal, services.find(session_id) if session_id and refusal.reason is not Reason.NOT_FOUND else None


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _asked(scope: Scope, headers: Mapping[str, str], body: bytes = b"") -> Asked:
    return Asked(scope["method"], headers, addresses.of_scope(scope), body)


def _limit(form: Form) -> int:
    """Bytes of a body: JSON may escape every one of the data's."""
    return protocol.MOST_BYTES if form is Form.TEXT else protocol.MOST_JSON


async def _send(send: Send, reply: Reply, *, head: bool) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})
