"""Which part of a request a connection is in, and until when it may stay there (R42).

A deadline per part, counted from the part's beginning and never moved by single bytes: a client that sends
one byte every three seconds is never silent, and is closed all the same. No timer lives here. The owner looks
every `wait()` seconds, which is never longer than the shortest deadline that may begin in between; so a
change of part costs one reading of the clock and no timer is ever moved.
"""

from enum import Enum, auto
from math import inf
from time import monotonic

from idp.server.limits import Limits


class Phase(Enum):
    """The part of a request a connection is in."""

    FRESH = auto()  # connected, has sent nothing
    IDLE = auto()  # between two requests
    HEAD = auto()
    BODY = auto()
    HANDLING = auto()  # the application has it; how long that takes is the application's business
    FLUSHING = auto()  # the last answer is given; the client may take its time to fetch it
    CLOSING = auto()  # refused or timed out; the last bytes are on their way out


class RequestClock:
    """`enter` a phase, then ask how long to `wait`."""

    __slots__ = ("_shortest", "body_bytes", "limits", "phase", "since")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._shortest = min(
            limits.head_seconds,
            limits.body_seconds,
            limits.body_grace_seconds,
            limits.keep_alive_seconds,
            limits.linger_seconds,
        )
        self.enter(Phase.FRESH)

    def enter(self, phase: Phase) -> None:
        """The deadline of this phase counts from now."""
        self.phase = phase
        self.since = monotonic()
        self.body_bytes = 0

    def wait(self) -> float:
        """Seconds until the owner should look again; zero or less: the deadline is over."""
        return min(self.since + self._allowed() - monotonic(), self._shortest)

    def _allowed(self) -> float:
        limits = self.limits
        match self.phase:
            case Phase.FRESH | Phase.HEAD:
                return limits.head_seconds
            case Phase.BODY:
                earned = self.body_bytes / limits.body_bytes_per_second
                return min(limits.body_seconds, max(limits.body_grace_seconds, earned))
            case Phase.IDLE | Phase.FLUSHING:
                return limits.keep_alive_seconds
            case Phase.CLOSING:
                return limits.linger_seconds
            case Phase.HANDLING:
                return inf
