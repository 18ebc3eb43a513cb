"""How answers of rendezvous sessions look: headers, errors, the marker of change (qr-login.md §2.6, §2.7, §3). Pure.

They are made as bytes here, because a session is read once a second by each device: no other answer of the house is
asked for so often. Every answer on a session says which state the session is in, whatever its status: clients take
over what they find (trap 10).
"""

import math
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any, NamedTuple

from accounts.errors import Reason, Refusal
from accounts.wire import Shape, Wire
from devicelogin.rendezvous.protocol import METHODS_OF_CREATION, METHODS_OF_SESSIONS, STABLE_PATH, Form, Held

Headers = tuple[tuple[bytes, bytes], ...]


class Reply(NamedTuple):
    """One HTTP answer as it goes out."""

    status: int
    headers: Headers
    body: bytes = b""


def _shape(status: int, errcode: str, text: str, **more: Any) -> Shape:
    return Shape(status, text, {"errcode": errcode, **more})


_REFUSED = _shape(403, "M_FORBIDDEN", "Not allowed")
_OF_ACCOUNTS = (  # what no verb here refuses for; a bearer's account apart
    *(Reason.CREDENTIAL_WRONG, Reason.CHALLENGE_INVALID, Reason.ACCOUNT_SUSPENDED, Reason.ACCOUNT_DEACTIVATED),
    *(Reason.NAME_TAKEN, Reason.NAME_INVALID, Reason.NAME_RESERVED, Reason.CREDENTIAL_TAKEN, Reason.LAST_CREDENTIAL),
    *(Reason.PASSWORD_WEAK, Reason.REGISTRATION_CLOSED),
)
SHAPES: Mapping[Reason, Shape] = {
    **dict.fromkeys(_OF_ACCOUNTS, _REFUSED),
    **dict.fromkeys((Reason.NOT_ADMITTED, Reason.FORBIDDEN), _REFUSED),
    Reason.MALFORMED: _shape(400, "M_NOT_JSON", "The body is not JSON"),
    Reason.FIELD_MISSING: _shape(400, "M_MISSING_PARAM", "Missing: {field}"),
    Reason.FIELD_TYPE: _shape(400, "M_BAD_JSON", "Not of the right type: {field}"),
    Reason.FIELD_INVALID: _shape(400, "M_INVALID_PARAM", "Not acceptable: {field}"),
    Reason.PATH_UNKNOWN: _shape(404, "M_UNRECOGNIZED", "Unrecognized request"),
    Reason.METHOD_NOT_ALLOWED: _shape(405, "M_UNRECOGNIZED", "Unrecognized request"),
    Reason.TOO_LARGE: _shape(413, "M_TOO_LARGE", "The data is larger than 4096 bytes"),
    Reason.UNSUPPORTED_MEDIA: _shape(415, "M_UNRECOGNIZED", "Unsupported content type"),
    Reason.TOKEN_MISSING: _shape(401, "M_MISSING_TOKEN", "Missing access token"),
    Reason.TOKEN_UNKNOWN: _shape(401, "M_UNKNOWN_TOKEN", "Unknown token", soft_logout=False),
    Reason.TOKEN_EXPIRED: _shape(401, "M_UNKNOWN_TOKEN", "The token has expired", soft_logout=True),
    Reason.ACCOUNT_LOCKED: _shape(401, "M_USER_LOCKED", "This account is locked", soft_logout=True),
    Reason.NOT_FOUND: _shape(404, "M_NOT_FOUND", "No such session, or it is over"),
    Reason.RATE_LIMITED: _shape(429, "M_LIMIT_EXCEEDED", "Too many requests"),
    Reason.OVERLOADED: _shape(503, "M_UNKNOWN", "Busy, try again"),
    Reason.UNAVAILABLE: _shape(503, "M_UNKNOWN", "Not available at the moment"),
    Reason.INTERNAL: _shape(500, "M_UNKNOWN", "Internal server error"),
}
_HTTP = (Reason.MALFORMED, "http")  # an error of HTTP itself
_LATE = (Reason.MALFORMED, "body in time")
_LOST = (Reason.CHALLENGE_INVALID, "token")  # somebody else wrote first
_NAVIGATED = (Reason.FORBIDDEN, "navigation")
_COMMON = {
    _HTTP: _shape(400, "M_UNKNOWN", "Bad Request"),
    _LATE: _shape(408, "M_UNKNOWN", "Request Timeout"),
    _NAVIGATED: _shape(403, "M_FORBIDDEN", "Not for browsers to show"),
}
_CONFLICT = "The session was written meanwhile"

_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_MATRIX_HEADERS = "X-Requested-With, Content-Type, Authorization, Date"
# Content that somebody else wrote must not run or be shown as a page of this origin (R54).
_INERT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Pragma": "no-cache",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": _METHODS,
}
_TEXT_HEADERS = {
    **_INERT,
    "Access-Control-Allow-Headers": f"{_MATRIX_HEADERS}, If-Match, If-None-Match",
    "Access-Control-Expose-Headers": "ETag, Retry-After",
    "Cache-Control": "no-store, no-transform",  # else proxies compress, and weaken the tag
}
_JSON_HEADERS = {
    **_INERT,
    "Access-Control-Allow-Headers": _MATRIX_HEADERS,
    "Access-Control-Expose-Headers": "Retry-After",
    "Cache-Control": "no-store",
}


def _render(shape: Shape, text: str, refusal: Refusal) -> dict[str, Any]:
    body = {**shape.extra, "error": text}
    if shape.status == 429:
        body["retry_after_ms"] = max(1, math.ceil((refusal.retry_after or 1) * 1000))
    return body


def _wire(headers: Mapping[str, str], conflict: Shape) -> Wire:
    return Wire(SHAPES, _render, headers, narrower={**_COMMON, _LOST: conflict})


TEXT = _wire(
    _TEXT_HEADERS,
    _shape(412, "M_UNKNOWN", "ETag does not match", **{"org.matrix.msc4108.errcode": "M_CONCURRENT_WRITE"}),
)
JSON_UNSTABLE = _wire(_JSON_HEADERS, _shape(409, "IO_ELEMENT_MSC4388_CONCURRENT_WRITE", _CONFLICT))
JSON_STABLE = _wire(_JSON_HEADERS, _shape(409, "M_CONCURRENT_WRITE", _CONFLICT))

_AS_JSON = (b"content-type", b"application/json")
_AS_TEXT = (b"content-type", b"text/plain")  # to the letter: clients compare the whole value (trap 1)


def _encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in headers)


_OF: Mapping[Form, Headers] = {
    Form.TEXT: _encoded(_TEXT_HEADERS.items()),
    Form.JSON: _encoded(_JSON_HEADERS.items()),
}
_PREFLIGHT = (b"access-control-max-age", b"7200")  # a poll with If-None-Match would ask again every five seconds


def wire_of(create_path: str, form: Form) -> Wire:
    """The error form below a create path."""
    if form is Form.TEXT:
        return TEXT
    return JSON_STABLE if create_path == STABLE_PATH else JSON_UNSTABLE


class Conflict(Refusal):
    """A write that named another state than `held`, which is the one that counts."""

    def __init__(self, held: Held) -> None:
        super().__init__(Reason.CHALLENGE_INVALID, field="token")
        self.held = held


def as_json(form: Form, body: bytes, *, status: int = 200, held: Held | None = None) -> Reply:
    """A JSON answer."""
    return Reply(status, (_AS_JSON, *_OF[form], *marker(form, held), _length(body)), body)


def read_text(held: Held, *, is_known: bool) -> Reply:
    """A read in the 2024 form: the data, or 304 for a reader who has them already."""
    if is_known:
        return Reply(304, (*_OF[Form.TEXT], *marker(Form.TEXT, held)))
    return Reply(200, (_AS_TEXT, *_OF[Form.TEXT], *marker(Form.TEXT, held), _length(held.data)), held.data)


def written_text(held: Held) -> Reply:
    """A write in the 2024 form. Some caches strip the tag from answers without a type."""
    return Reply(202, (_AS_TEXT, *_OF[Form.TEXT], *marker(Form.TEXT, held), _length(b"")))


def deleted(form: Form) -> Reply:
    """A session is gone."""
    return as_json(form, b"{}") if form is Form.JSON else Reply(204, _OF[form])


def preflight(form: Form, *, is_session: bool) -> Reply:
    """The answer to OPTIONS, whether or not there is such a session."""
    return Reply(204, (*_OF[form], _PREFLIGHT, _allow(form, is_session=is_session)))


def refused(wire: Wire, refusal: Refusal, *, is_session: bool = False, held: Held | None = None) -> Reply:
    """The error answer of a refusal, with the state of the session where there is one."""
    answer = wire.refusal(refusal)
    form = Form.TEXT if wire is TEXT else Form.JSON
    more = [_allow(form, is_session=is_session)] if answer.status == 405 else []
    headers = _encoded((name, value) for name, value in answer.headers if name != "Content-Type")
    return Reply(answer.status, (_AS_JSON, *headers, *more, *marker(form, held), _length(answer.body)), answer.body)


def marker(form: Form, held: Held | None) -> Headers:
    """What tells one state of a session from another: in the 2024 form headers, in the other the body does."""
    if held is None or form is Form.JSON:
        return ()
    return (
        (b"etag", b'"%b"' % held.token.encode()),
        (b"expires", _date(held.expires_ms // 1000)),
        (b"last-modified", _date(held.written_ms // 1000)),
    )


@lru_cache(maxsize=4096)
def _date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()


def _allow(form: Form, *, is_session: bool) -> tuple[bytes, bytes]:
    methods = METHODS_OF_SESSIONS if is_session else METHODS_OF_CREATION[form]
    return b"allow", ", ".join((*methods, "OPTIONS")).encode()


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()
