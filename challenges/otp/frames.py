"""The frames of `/ws/login/` (websocket-otp.md §1). Pure."""

from dataclasses import dataclass
from typing import Any

from accounts import strict_json
from accounts.errors import Refusal
from challenges import frames
from challenges.frames import error
from challenges.otp.protocol import EVENTS

__all__ = ["Frame", "error", "parse"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `echo` holds the client's `id`, if it gave one that can be sent back."""

    event: str
    data: Any
    echo: dict[str, Any]

    def answered(self, response: Any) -> str:
        """The frame of its answer."""
        return frames.answer(self.event, response, self.echo)


def parse(text: str) -> Frame:
    """ValueError, with words for the client, for what is no object or names no event of this door."""
    try:
        value = strict_json.parse(text.encode("utf-8", "surrogatepass"))
    except Refusal:
        raise ValueError("The frame is no JSON text that can be read") from None
    if not isinstance(value, dict):
        raise ValueError("The frame is no JSON object")
    event = value.get("event")
    if not isinstance(event, str) or event not in EVENTS:
        raise ValueError("There is no such event")
    return Frame(event, value.get("data"), frames.echo(value))
