"""Counters of this process, scaled like every limit of an address or a socket (operations.md §2).

A socket lives in one process, so its limits need no Redis and no lock: everything here runs on the event loop.
"""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` messages, `burst` at once."""

    per_second: float
    burst: float


class Bucket:
    """One socket's allowance: the moment at which it is whole again, as in `accounts.throttle`."""

    __slots__ = ("_whole_at",)

    def __init__(self) -> None:
        self._whole_at = 0.0

    def take(self, rate: Rate, moment: float) -> bool:
        """Takes one message at `moment` (seconds of the loop's clock); False when none is left."""
        scale = settings.RATE_LIMIT_SCALE
        step = 1.0 / (rate.per_second * scale)
        whole_at = max(self._whole_at, moment)
        if whole_at + step - moment > max(1.0, rate.burst * scale) * step + 1e-9:
            return False
        self._whole_at = whole_at + step
        return True


class Heads:
    """How many sockets each address holds."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def enter(self, key: str, most: int) -> bool:
        """Counts one more; False when there is no room."""
        if self._counts[key] >= max(1, int(most * settings.RATE_LIMIT_SCALE)):
            return False
        self._counts[key] += 1
        return True

    def leave(self, key: str) -> None:
        """Undoes `enter`."""
        self._counts[key] -= 1
        if self._counts[key] <= 0:
            del self._counts[key]

    @property
    def total(self) -> int:
        """All sockets of all addresses."""
        return self._counts.total()

    def __len__(self) -> int:
        return len(self._counts)
