"""The documents of a mongoexport: one a line, or one array (`--jsonArray`); plain and extended JSON alike."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_LINE = 32 * 1024 * 1024  # characters; MongoDB's documents have 16 MiB
_PROBE = 4096


class Unreadable(Exception):
    """Why the file cannot be read at all, in words."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A pending invitation as it lay with its recipient."""

    sender: str
    signature: str


@dataclass(frozen=True, slots=True)
class Found:
    """A user of the file. `problem` is why the document is none; `place` is its line, or its number in an array."""

    place: int
    username: str = ""
    fingerprint: str = ""
    armored: str = ""
    invitations: tuple[Invitation, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A user and how far into the file that was, of 1."""

    found: Found
    done: float


def users(path: Path) -> Iterator[Read]:
    """The users of the file in its order; Unreadable, also halfway."""
    if not path.is_file():
        raise Unreadable(f"{path}: there is no such file")
    with path.open("rb") as file:
        begin = file.read(_PROBE).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    yield from _of_array(path) if begin == b"[" else _of_lines(path)


def _of_lines(path: Path) -> Iterator[Read]:
    size, done = max(1, path.stat().st_size), 0
    with path.open("rb") as file:
        for place, line in enumerate(iter(lambda: file.readline(_MOST_LINE), b""), 1):
            done += len(line)
            if line.strip(b"\xef\xbb\xbf \t\r\n"):
                yield Read(_of_text(place, line), min(1.0, done / size))


def _of_array(path: Path) -> Iterator[Read]:
    try:
        documents = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable(f"{path} cannot be read as a JSON array") from None
    for place, document in enumerate(documents, 1):
        yield Read(_of_document(place, document), place / len(documents))


def _of_text(place: int, line: bytes) -> Found:
    try:
        return _of_document(place, json.loads(line.decode("utf-8-sig")))
    except (ValueError, RecursionError):
        return Found(place, problem="not a JSON document")


def _of_document(place: int, document: Any) -> Found:
    if not isinstance(document, dict):
        return Found(place, problem="not a JSON object")
    values = [document.get(name) for name in ("username", "fingerprint", "publicKey")]
    username, fingerprint, armored = (value if isinstance(value, str) else "" for value in values)
    if not username:
        return Found(place, problem="no username")
    if not armored:
        return Found(place, username, problem="no publicKey")
    return Found(place, username, fingerprint, armored, _invitations(document.get("pendingInvites")))


def _invitations(value: Any) -> tuple[Invitation, ...]:
    """Those of the right form; whether they are good is asked later."""
    if not isinstance(value, list):
        return ()
    found = []
    for one in value:
        if isinstance(one, dict) and isinstance(one.get("username"), str) and isinstance(one.get("signature"), str):
            found.append(Invitation(one["username"], one["signature"]))
    return tuple(found)
