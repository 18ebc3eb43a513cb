"""How a door's answers are made: pure, so that views, hot routes and the server itself share one form.

A protocol describes its errors as a `Wire`: a total map from `Reason` to `Shape`, a function from shape to body, and
the headers every answer of the door carries.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from accounts import visits
from accounts.errors import Reason, Refusal

JSON = "application/json; charset=utf-8"

_STATUS_REASONS: Mapping[int, Reason] = {
    404: Reason.PATH_UNKNOWN,
    405: Reason.METHOD_NOT_ALLOWED,
    413: Reason.TOO_LARGE,
    414: Reason.TOO_LARGE,
    415: Reason.UNSUPPORTED_MEDIA,
    429: Reason.RATE_LIMITED,
    431: Reason.TOO_LARGE,
    500: Reason.INTERNAL,
    503: Reason.OVERLOADED,
}
_STATUS_TEXTS: Mapping[int, str] = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Payload Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """The wire form of one reason: status, text (`{field}` is filled in), and what else the body needs."""

    status: int
    text: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wire:
    """A door's answers. `render` makes the body of an error from its shape, its text and the refusal.

    `narrower` holds the shapes of a reason that the protocol names more exactly for one field.
    """

    shapes: Mapping[Reason, Shape]
    render: Callable[[Shape, str, Refusal], Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    error_headers: Mapping[str, str] = field(default_factory=dict)
    preflight_status: int = 204
    narrower: Mapping[tuple[Reason, str], Shape] = field(default_factory=dict)

    def refusal(self, refusal: Refusal) -> Answer:
        """The door's error answer, with `Retry-After` where the refusal names a time (R38)."""
        visits.note_refusal(refusal)
        shape = self.narrower.get((refusal.reason, refusal.field)) or self.shapes[refusal.reason]
        extra = dict(self.error_headers)
        if refusal.retry_after is not None:
            extra["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
        text = shape.text.replace("{field}", refusal.field)
        return self.answer(shape.status, self.render(shape, text, refusal), extra)

    def failure(self, status: int) -> Answer:
        """The door's form of an error of HTTP itself, such as 414, that no verb refused."""
        reason = _STATUS_REASONS.get(status, Reason.MALFORMED)
        text = _STATUS_TEXTS.get(status, "Bad Request")
        narrower = self.narrower.get((reason, "http"))
        shape = replace(narrower or self.shapes[reason], status=status, text=text)
        extra = dict(self.error_headers) | ({"Retry-After": "1"} if status in {429, 503} else {})
        return self.answer(status, self.render(shape, text, Refusal(reason)), extra)

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """A JSON answer; bytes go out as they are."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return Answer(status, content, (("Content-Type", JSON), *self.headers.items(), *(headers or {}).items()))

    def preflight(self, methods: Iterable[str]) -> Answer:
        """The answer to OPTIONS: the door's headers, the path's methods, no body."""
        allow = ", ".join(sorted({*methods, "OPTIONS"}))
        return Answer(self.preflight_status, b"", (*self.headers.items(), ("Allow", allow)))
