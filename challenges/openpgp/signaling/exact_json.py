"""JSON whose members keep the text they were written in (laverna.md §5: relayed unchanged). Pure.

What is relayed is cut out of what came and put into what goes, so that the order of members, `1.0`, `1e21`, `-0`, big
numbers, escapes and lone surrogates survive. Every value is read by Python's scanner first: a span that it took is
exactly one JSON value, and cannot end the text it is put into. Bounds and refusals are those of `strict_json`, except
that numbers may have any size: nobody here counts with them.
"""

import json
import re
from json.scanner import make_scanner
from typing import Any

_DEPTH = 34  # a signal of 32 levels in its object in its event
_KEYS = 4000  # a list of 200 users with all that the application knows of them
_BLANK = r"[ \t\n\r]*"
_KEY = re.compile(rf'"([^"\\\x00-\x1f]*)"{_BLANK}:{_BLANK}').match
_COLON = re.compile(f"{_BLANK}:{_BLANK}").match
_NEXT = re.compile(f"{_BLANK}([,}}\\]]){_BLANK}").match
_OPENED = {sign: re.compile(f"{_BLANK}\\{sign}{_BLANK}").match for sign in "[{"}
# A string without an end goes on to the end of the text: a pattern that failed there would begin again at each quote.
_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS = {code: None for code in range(128) if chr(code) not in "[]{}"}


class Unreadable(ValueError):
    """No JSON text of the wanted form, or beyond the bounds."""


class Members(dict[str, Any]):
    """The members of an object. `raw` has the text of each value; numbers have no meaning here but not to be text."""

    raw: dict[str, str]


def event(text: str) -> list[Any]:
    """`["name", {…}, …]` as a list: the name, its first argument (`Members` for an object), what else came."""
    try:
        _check(text)
        return _event(text)
    except (ValueError, IndexError, StopIteration):
        raise Unreadable from None


def frame(text: str) -> Members:
    """An object as `Members`, and so its member `data` if that is an object."""
    try:
        _check(text)
        found, at = _members(text, _opened(text, "{"), nested="data")
        if text[at:].strip(" \t\n\r"):
            raise Unreadable
        return found
    except (ValueError, IndexError, StopIteration):
        raise Unreadable from None


def _event(text: str) -> list[Any]:
    found: list[Any] = []
    at, sign = _opened(text, "["), ","
    while sign == ",":
        if len(found) == 1 and text[at] == "{":
            value, at = _members(text, _past(text, at))
        else:
            value, at = _scan(text, at)
        found.append(value)
        sign, at = _next(text, at)
    if sign != "]" or at != len(text):
        raise Unreadable
    return found


def _members(text: str, at: int, *, nested: str = "") -> tuple[Members, int]:
    """The members of the object whose first key, or end, is at `at`; and where it ends."""
    found = Members()
    raw = found.raw = {}
    if text[at] == "}":
        return found, at + 1
    while True:
        key, at = _key(text, at)
        if key in raw:
            raise Unreadable
        begun = at
        if key == nested and text[at] == "{":
            found[key], at = _members(text, _past(text, at))
        else:
            found[key], at = _scan(text, at)
        raw[key] = text[begun:at]
        ended = _NEXT(text, at)
        if ended is None or ended[1] == "]":
            raise Unreadable
        if ended[1] == "}":
            return found, ended.start(1) + 1
        at = ended.end()


def _key(text: str, at: int) -> tuple[str, int]:
    """A key, and where its value begins."""
    plain = _KEY(text, at)
    if plain is not None:
        return plain[1], plain.end()
    if text[at] != '"':
        raise Unreadable
    key, at = _scan(text, at)
    colon = _COLON(text, at)
    if colon is None:
        raise Unreadable
    return key, colon.end()


def _next(text: str, at: int) -> tuple[str, int]:
    """The sign behind a value, and where what follows it begins."""
    found = _NEXT(text, at)
    if found is None:
        raise Unreadable
    return found[1], found.end()


def _opened(text: str, sign: str) -> int:
    """Where what stands behind the first bracket begins."""
    found = _OPENED[sign](text, 0)
    if found is None:
        raise Unreadable
    return found.end()


def _past(text: str, at: int) -> int:
    """Where what stands behind this brace begins."""
    while text[at := at + 1] in " \t\n\r":
        pass
    return at


def _check(text: str) -> None:
    """Depth and number of keys, before anything is built; looks closer only at what could be beyond them."""
    if not text.isascii():
        text.encode()  # what no wire can have brought
    if text.count("[") + text.count("{") <= _DEPTH and text.count(":") <= _KEYS:
        return
    bare = _STRINGS.sub("", text)
    if bare.count(":") > _KEYS or not bare.isascii():
        raise Unreadable
    left = bare.translate(_NO_BRACKETS)
    for _ in range(_DEPTH):
        shorter = left.replace("[]", "").replace("{}", "")
        if len(shorter) == len(left):
            break
        left = shorter
    if left:
        raise Unreadable


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable
    return found


def _constant(text: str) -> Any:
    raise Unreadable


# `len` stands for reading a number: it costs nothing whatever the number, and makes no text of it.
_decoder: Any = json.JSONDecoder(object_pairs_hook=_unique, parse_int=len, parse_float=len, parse_constant=_constant)
_scan = make_scanner(_decoder)
