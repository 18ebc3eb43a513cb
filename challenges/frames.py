"""The frames of the plain websockets, `/ws/login/` and `/ws/signal/`: JSON objects `{event, data, id?}`
(websocket-otp.md §1). Pure; each flow reads its own."""

from collections.abc import Mapping
from typing import Any

import orjson

_LONGEST_ID = 256  # characters that are sent back


def answer(event: str, data: Any, echo: Mapping[str, Any]) -> str:
    """The frame that answers one: its event, and its `id` if it had one."""
    return orjson.dumps({"event": event, "data": data, **echo}).decode()


def error(words: str) -> str:
    """The frame that answers a bad one."""
    return answer("error", {"message": words}, {})


def echo(frame: Mapping[str, Any]) -> dict[str, Any]:
    """The client's `id`, if it gave one that can be sent back."""
    given = frame.get("id")
    is_short = isinstance(given, str) and len(given) <= _LONGEST_ID
    return {"id": given} if is_short or isinstance(given, int | float) else {}
