"""The one clock. Every moment in the house is an aware datetime in UTC from here; tests move this clock.

In a server process it never goes back (R30): what has expired or was used an hour ago stays so when somebody sets the
machine's clock back by an hour. While that is behind, this clock goes half as fast, until the two agree again. A
process that starts meanwhile learns from the newest rows how late it was (`never_back`).
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

_log = logging.getLogger("latchkey.clock")
_SPEED = 0.5  # of this clock while the machine's is behind it
MOST = 86_400.0  # seconds; a clock that was further ahead than that was wrong before, and waiting for it takes too long
_WORTH_TELLING = 5.0  # seconds


class _Forward:
    """The machine's clock without its steps back; in seconds since 1970."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown, self._ticks = 0.0, time.monotonic()
        self._is_behind = False

    def read(self) -> float:
        """This moment."""
        with self._lock:
            machine, ticks = time.time(), time.monotonic()
            slow = self._shown + (ticks - self._ticks) * _SPEED
            gap = self._shown + (ticks - self._ticks) - machine
            moment = slow if slow > machine and gap < MOST else machine
            self._shown, self._ticks = moment, ticks
            self._tell(gap)
            return moment

    def at_least(self, moment: float) -> None:
        """It was that late already, as rows say."""
        with self._lock:
            if self._shown < moment:
                self._shown, self._ticks = moment, time.monotonic()

    def _tell(self, gap: float) -> None:
        is_behind = gap > _WORTH_TELLING
        if is_behind and not self._is_behind:
            _log.error("the machine's clock went back by %d seconds: %s", gap, "too many" if gap >= MOST else "waiting")
        self._is_behind = is_behind


_forward: _Forward | None = None


def never_back(*, at_least: datetime | None = None) -> None:
    """From now on this clock is a server's. `at_least`: how late it was already."""
    global _forward
    _forward = _forward or _Forward()
    if at_least is not None:
        _forward.at_least(at_least.timestamp())


def seconds() -> float:
    """This moment in seconds since 1970."""
    return _forward.read() if _forward is not None else time.time()


def ahead() -> float:
    """Seconds by which this clock is ahead of the machine's: moments that others wrote are by clocks like that one."""
    return max(0.0, seconds() - time.time())


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.fromtimestamp(seconds(), UTC)


def after(seconds: float, moment: datetime | None = None) -> datetime:
    """The moment `seconds` after `moment` (default: now)."""
    return (moment or now()) + timedelta(seconds=seconds)
