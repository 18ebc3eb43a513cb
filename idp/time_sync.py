"""Whether this machine's clock is right, as far as it can be told without asking a stranger."""

import ctypes
from email.utils import parsedate_to_datetime

from accounts import clock

MOST_APART = 60.0  # seconds (R64)
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_ROOM = 512  # bytes, more than a `struct timex` has on any machine


def is_synchronised() -> bool | None:
    """Whether the kernel's clock follows a server of time; None where the kernel does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_ROOM))  # all zero: it asks and changes nothing
    except (AttributeError, OSError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def seconds_apart(date: str) -> float | None:
    """How far our clock is from a `Date` header, to a second; None when that is none."""
    try:
        return abs((clock.now() - parsedate_to_datetime(date)).total_seconds())
    except (TypeError, ValueError):
        return None
