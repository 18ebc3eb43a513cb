"""The frames of `/ws/signal/`: `{event, data, id?}`, as those of `/ws/login/` (laverna.md §5). Pure."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from challenges import frames
from challenges.frames import error
from challenges.openpgp.signaling import exact_json

__all__ = ["Frame", "error", "parse"]

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # an answer that names the event could not be sent
_LONGEST_ID = 256  # characters that are sent back


@dataclass(frozen=True, slots=True)
class Frame:
    """One event; `echo` holds the client's `id`, exactly as it was written, if it can be sent back."""

    event: str
    data: Any
    echo: dict[str, orjson.Fragment]

    def answered(self, answer: dict[str, Any]) -> str:
        """The frame of its answer."""
        return frames.answer(self.event, answer, self.echo)


def parse(text: str) -> Frame:
    """ValueError, with words for the client, for what is no object or names no event."""
    try:
        members = exact_json.frame(text)
    except exact_json.Unreadable:
        raise ValueError("The frame is no JSON object that can be read") from None
    event = members.get("event")
    if not isinstance(event, str) or _HALF_CHARACTER.search(event):
        raise ValueError("There is no such event")
    return Frame(event, members.get("data"), _echo(members))


def _echo(members: exact_json.Members) -> dict[str, orjson.Fragment]:
    given, raw = members.get("id"), members.raw.get("id", "")
    can_return = isinstance(given, str | int) and len(raw) <= 6 * _LONGEST_ID
    return {"id": orjson.Fragment(raw)} if can_return and len(str(given)) <= _LONGEST_ID else {}
