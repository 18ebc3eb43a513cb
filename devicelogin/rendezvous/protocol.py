"""The wire of rendezvous sessions in both forms (qr-login.md §2, §3; R54). Pure.

The 2024 form ("4108") carries raw text, told apart by entity tags; the current form ("4388") carries JSON with a
sequence token. Both are one small slot of text that two devices take turns to write; what is in it is theirs.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import orjson

from accounts import strict_json
from accounts.errors import Reason, Refusal

MOST_BYTES = 4096  # of UTF-8, once decoded
MOST_JSON = 8 * MOST_BYTES  # of a body in which every byte is escaped
_CLIENT = "/_matrix/client"


class Form(StrEnum):
    """Which generation of the protocol a session belongs to; it is never reached in the other."""

    TEXT = "4108"
    JSON = "4388"


CREATE_PATHS: Mapping[str, Form] = {
    f"{_CLIENT}/unstable/org.matrix.msc4108/rendezvous": Form.TEXT,
    f"{_CLIENT}/unstable/io.element.msc4388/rendezvous": Form.JSON,
    f"{_CLIENT}/v1/rendezvous": Form.JSON,
}
TEXT_PATH, UNSTABLE_PATH, STABLE_PATH = CREATE_PATHS
METHODS_OF_CREATION: Mapping[Form, tuple[str, ...]] = {Form.TEXT: ("POST",), Form.JSON: ("GET", "HEAD", "POST")}
METHODS_OF_SESSIONS = ("DELETE", "GET", "HEAD", "PUT")

# An id says which form it was made in and which store holds it, then 144 random bits.
_LETTERS: Mapping[Form, str] = {Form.TEXT: "t", Form.JSON: "j"}
_ID = re.compile(r"[tj][a-z][A-Za-z0-9_-]{24}")
_TAG = re.compile(r'(?:W/)?(?:"([\x21\x23-\x7e]{1,255})"|([\x21\x23-\x2b\x2d\x2e\x30-\x7e]{1,255}))', re.IGNORECASE)
_PLAIN_TAG = re.compile(r'"([0-9a-f]{32})"')  # as it was given
_TRANSFORMED = re.compile(r"(?:(?:--?|[;:])(?:gzip|br|zstd|deflate))+\Z", re.IGNORECASE)
_LONGEST_TRANSACTION = 255
_TEXT_PLAIN = "text/plain"


class Held(NamedTuple):
    """A live session: its data, the token of its last write, and when that was, in unix milliseconds."""

    data: bytes
    token: str
    written_ms: int
    expires_ms: int


class Write(NamedTuple):
    """What a device wants to put into the slot: `token` is the one it saw last."""

    token: str
    data: bytes


def new_id(form: Form, store: str, random: str) -> str:
    """An id of 26 characters; `random` is 24 of the URL-safe alphabet, `store` one letter."""
    return f"{_LETTERS[form]}{store}{random}"


def parse_id(text: str, form: Form) -> str:
    """An id of this form; PATH_UNKNOWN for none at all, NOT_FOUND for every other text."""
    if not text:
        raise Refusal(Reason.PATH_UNKNOWN)
    if not _ID.fullmatch(text) or text[0] != _LETTERS[form]:
        raise Refusal(Reason.NOT_FOUND)
    return text


def form_of(session_id: str) -> Form:
    """The form an id was made in."""
    return Form.TEXT if session_id[0] == _LETTERS[Form.TEXT] else Form.JSON


def store_of(session_id: str) -> str:
    """The letter of the store that holds it."""
    return session_id[1]


def id_in(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def ids_in(path: str) -> tuple[str, str]:
    """The session and the transaction at the end of a path; PATH_UNKNOWN, NOT_FOUND."""
    rest, _, transaction = path.rpartition("/")
    session_id = parse_id(id_in(rest), Form.JSON)
    if not transaction:
        raise Refusal(Reason.PATH_UNKNOWN)
    if len(transaction) > _LONGEST_TRANSACTION:
        raise Refusal(Reason.NOT_FOUND)
    return session_id, transaction


def parse_creation(form: Form, body: bytes) -> bytes:
    """The data a new session begins with; FIELD_…, MALFORMED or TOO_LARGE."""
    if form is Form.TEXT:
        return _text(body)
    return _bounded(_member(_object(body), "data").encode())


def parse_write(form: Form, headers: Mapping[str, str], body: bytes) -> Write:
    """A write; FIELD_…, MALFORMED or TOO_LARGE, in this order."""
    if form is Form.TEXT:
        return Write(parse_tag(headers["if-match"]), _text(body))
    fields = _object(body)
    token, data = _member(fields, "sequence_token"), _member(fields, "data")
    return Write(token, _bounded(data.encode()))


def check_head(form: Form, headers: Mapping[str, str], *, writes: bool) -> None:
    """What can be said before the body is read: FIELD_MISSING or FIELD_INVALID names the header (section 3)."""
    if form is Form.JSON:
        return
    for name in ("Content-Length", "Content-Type", *(("If-Match",) if writes else ())):
        if name.lower() not in headers:
            raise Refusal(Reason.FIELD_MISSING, field=name)
    if headers["content-type"].partition(";")[0].strip().lower() != _TEXT_PLAIN:
        raise Refusal(Reason.FIELD_INVALID, field="Content-Type")
    if writes:
        parse_tag(headers["if-match"])


def parse_tag(header: str) -> str:
    """The token in an entity tag, whatever proxies made of it (trap 3); FIELD_INVALID with field If-Match.

    `*` and lists are refused: a write names the one state it has seen.
    """
    if plain := _PLAIN_TAG.fullmatch(header):
        return plain[1]
    found = _TAG.fullmatch(header.strip())
    tag = _TRANSFORMED.sub("", (found[1] or found[2]) if found else "")
    if not tag or header.strip() == "*":
        raise Refusal(Reason.FIELD_INVALID, field="If-Match")
    return tag


def matches(if_none_match: str, token: str) -> bool:
    """Whether the reader has this state already. A tag that cannot be read is none."""
    if if_none_match == f'"{token}"':
        return True
    for part in if_none_match.split(","):
        found = _TAG.fullmatch(part.strip())
        if found and (part.strip() == "*" or _TRANSFORMED.sub("", found[1] or found[2]) == token):
            return True
    return False


def check_navigation(headers: Mapping[str, str]) -> None:
    """FORBIDDEN when a browser would show the answer as a page (section 2.3, R54)."""
    shown = (
        headers.get("sec-fetch-dest", "empty").lower() != "empty"
        or headers.get("sec-fetch-mode", "").lower() == "navigate"
        or headers.get("sec-fetch-user", "").lower() == "?1"
        or headers.get("sec-fetch-site", "").lower() == "none"
    )
    if shown:
        raise Refusal(Reason.FORBIDDEN, field="navigation")


def bearer(authorization: str) -> str:
    """The access token of an Authorization header; "" where there is none."""
    scheme, _, secret = authorization.strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def render_read(held: Held, now_ms: int) -> bytes:
    """The body of a read in the current form."""
    left = max(0, held.expires_ms - now_ms)
    return orjson.dumps({"data": held.data.decode(), "sequence_token": held.token, "expires_in_ms": left})


def render_written(held: Held) -> bytes:
    """The body that answers a write in the current form."""
    return orjson.dumps({"sequence_token": held.token})


def render_created(form: Form, session_id: str, held: Held, *, now_ms: int, base_url: str) -> bytes:
    """The body that answers a creation; `base_url` is where the world reaches this server."""
    if form is Form.TEXT:
        return orjson.dumps({"url": f"{base_url}{TEXT_PATH}/{session_id}"})
    left = max(0, held.expires_ms - now_ms)
    return orjson.dumps({"id": session_id, "sequence_token": held.token, "expires_in_ms": left})


def _text(body: bytes) -> bytes:
    """Raw text; FIELD_INVALID for what is no text (R1), TOO_LARGE."""
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Refusal(Reason.FIELD_INVALID, field="body") from None
    if b"\0" in body:
        raise Refusal(Reason.FIELD_INVALID, field="body")
    return _bounded(body)


def _object(body: bytes) -> dict[str, object]:
    value = strict_json.parse(body)
    if not isinstance(value, dict):
        raise Refusal(Reason.FIELD_TYPE, field="body")
    return value


def _member(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None:
        raise Refusal(Reason.FIELD_MISSING, field=name)
    if not isinstance(value, str):
        raise Refusal(Reason.FIELD_TYPE, field=name)
    return value


def _bounded(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise Refusal(Reason.TOO_LARGE, field="data")
    return data
