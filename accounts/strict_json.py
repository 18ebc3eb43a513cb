"""JSON as strangers send it: parsed strictly and within bounds (R1, R41). Pure: protocols may use it.

Refuses what Python's parser lets through or chokes on: duplicate keys, NaN and Infinity, lone surrogates and NUL in
strings, numbers beyond 64 bits, more than 32 levels, more than 1 000 keys.
"""

import json
import re
from typing import Any

from accounts.errors import Reason, Refusal

_DEPTH = 32
_KEYS = 1000
_UNSTORABLE = re.compile("[\ud800-\udfff\x00]")


def parse(body: bytes) -> Any:
    """The value of a JSON text in UTF-8; Refusal MALFORMED otherwise."""
    try:
        text = body.decode()
        _check_depth(text)
        return _Parser().value(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Refusal(Reason.MALFORMED, detail=type(error).__name__) from None


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= _DEPTH:
        return
    depth = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            if depth > _DEPTH:
                raise ValueError("too deep")
        elif char in "]}":
            depth -= 1


class _Parser:
    def __init__(self) -> None:
        self._keys = 0

    def value(self, text: str) -> Any:
        return _storable(
            json.loads(
                text,
                object_pairs_hook=self._object,
                parse_int=_integer,
                parse_float=_number,
                parse_constant=_constant,
            )
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._keys += len(pairs)
        if self._keys > _KEYS:
            raise ValueError("too many keys")
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("duplicate key")
        return found


def _storable(value: Any) -> Any:
    """The value unchanged; ValueError when a string in it could not be stored or sent."""
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise ValueError("not storable")
    elif isinstance(value, dict):
        for key, member in value.items():
            _storable(key)
            _storable(member)
    elif isinstance(value, list):
        for member in value:
            _storable(member)
    return value


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise ValueError("number too large")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")) or len(text) > 400:
        raise ValueError("number too large")
    return number


def _constant(text: str) -> float:
    raise ValueError(text)
