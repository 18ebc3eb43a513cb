"""Socket.IO packets as text: reading what a client sent, and what Engine.IO 3 clients expect instead (§2). Pure.

The grammar is that of the protocol: type digit, attachments and `-`, namespace and `,`, acknowledgement id, JSON.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import orjson

from accounts import strict_json
from accounts.errors import Refusal

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
MOST_ATTACHMENTS = 10  # (R43)
_SHAPE = re.compile(
    r"(?P<kind>[0-6])(?:(?P<count>[0-9]{1,3})-)?(?:(?P<namespace>/[^,]*)(?:,|\Z))?(?P<id>[0-9]{1,15})?(?P<json>.*)",
    re.ASCII | re.DOTALL,
)
_NAME = re.compile(r'\[\s*"([A-Za-z0-9_:.-]{1,64})"')


class BadPacket(ValueError):
    """Not a packet of this protocol: the connection ends, as it does in the reference server."""


class _Malformed:
    def __repr__(self) -> str:
        return "MALFORMED"


MALFORMED = _Malformed()
"""Stands for the data of an event whose JSON was refused. It has no type that a protocol knows."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One packet of a client; `text` is its JSON, not read yet."""

    kind: int
    attachments: int
    namespace: str
    id: int | None
    text: str


def read(text: str) -> Incoming:
    """Splits a packet; BadPacket where the grammar is not kept."""
    found = _SHAPE.match(text)
    if found is None:
        raise BadPacket("no packet")
    kind, count = int(found["kind"]), found["count"]
    binary = kind in (BINARY_EVENT, BINARY_ACK)
    if binary is not (count is not None) or int(count or 0) > MOST_ATTACHMENTS or kind == CONNECT_ERROR:
        raise BadPacket("no packet")
    namespace = (found["namespace"] or "/").partition("?")[0]
    return Incoming(kind, int(count or 0), namespace, int(found["id"]) if found["id"] else None, found["json"])


def name_of(text: str) -> str:
    """The name of an event whose JSON was refused; "" when it cannot be told."""
    found = _NAME.match(text)
    return found[1] if found else ""


def strict(text: str) -> Any:
    """The value of a JSON text within the bounds of every other door (R1); BadPacket otherwise."""
    try:
        return strict_json.parse(text.encode())
    except (Refusal, UnicodeEncodeError):
        raise BadPacket("JSON") from None


def fill(value: Any, attachments: list[bytes]) -> Any:
    """The value with its placeholders replaced; BadPacket for one that names no attachment."""
    if isinstance(value, list):
        return [fill(member, attachments) for member in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is True:
        number = value.get("num")
        if type(number) is not int or not 0 <= number < len(attachments):
            raise BadPacket("placeholder")
        return attachments[number]
    return {key: fill(member, attachments) for key, member in value.items()}


def for_version_3(text: str) -> str:
    """What an Engine.IO 3 client is told in place of a packet of today.

    Its connect packet has no data, and a refusal is the text alone, or the data in its place. Only these two kinds
    differ, so the text of an event is never looked at.
    """
    kind = text[:1]
    if kind not in ("0", "4"):
        return text
    namespace = re.match(r"[04]((?:/[^,]*)?)(,?)", text)
    head, rest = (namespace[1], text[namespace.end() :]) if namespace else ("", text[1:])
    if kind == "0":
        return f"0{head}"
    reason = json.loads(rest) if rest else ""
    if isinstance(reason, dict):
        reason = reason["data"] if reason.get("data") is not None else reason.get("message", "")
    return f"4{head}{',' if head else ''}{dumps(reason)}"


def encode_event(name: str, *arguments: Any) -> str:
    """An event without binary data, encoded once for many sockets."""
    return f"{EVENT}{dumps([name, *arguments])}"


def dumps(value: Any, **_: Any) -> str:
    """JSON text; python-socketio passes options that mean "compact". Python's own writes what orjson refuses."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # lone surrogates and integers beyond 64 bits
        return json.dumps(value, separators=(",", ":"))


loads = strict
