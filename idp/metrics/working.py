"""Background work of the figures: sharing them in every process, counting the log in one of them."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from accounts import counting, leases, processes
from idp.metrics import sampling, sharing

_COUNT_INTERVAL = 30.0  # seconds
_COUNT_LEASE = 90.0
_MEASURE_INTERVAL = 60.0  # seconds at least between two counts of all sessions
_MEASURE_SHARE = 50  # and this many times what one takes: at most a fiftieth of a processor
_FIRST_COUNT = 3.0

Attempt = Callable[..., None]
_measure_at = 0.0


def start(stopping: threading.Event, attempt: Attempt, holder: str, loop: asyncio.AbstractEventLoop) -> None:
    """Starts the threads. `attempt` runs a job whatever it meets."""
    for name, work, facts in (("figures", _share, (holder, loop)), ("counts", _count, (holder,))):
        threading.Thread(target=work, args=(stopping, attempt, *facts), name=name, daemon=True).start()


def stop(holder: str) -> None:
    """A last word: what was counted stays with the other workers, what was held goes."""
    sharing.save()
    processes.leave(holder)


def _share(stopping: threading.Event, attempt: Attempt, holder: str, loop: asyncio.AbstractEventLoop) -> None:
    def tell() -> None:
        started = datetime.fromtimestamp(sampling.STARTED, UTC)
        processes.tell(holder, started_at=started, sockets=sampling.sockets(), memory=sampling.memory())

    attempt(sharing.clean, every=sharing.INTERVAL)
    tell_at = time.monotonic()
    while not stopping.wait(sharing.INTERVAL):
        sampling.feel(loop)
        attempt(sharing.save, every=sharing.INTERVAL)
        if time.monotonic() >= tell_at:
            attempt(tell, "presence", every=processes.INTERVAL)
            tell_at = time.monotonic() + processes.INTERVAL


def _count(stopping: threading.Event, attempt: Attempt, holder: str) -> None:
    wait = _FIRST_COUNT
    while not stopping.wait(wait):
        attempt(lambda: count(stopping, holder), every=_COUNT_INTERVAL)
        wait = _COUNT_INTERVAL


def count(stopping: threading.Event, holder: str) -> bool:
    """Counts the log to its end and, now and then, how much there is of what; False where another process does."""
    global _measure_at
    if not leases.take("counts", holder, seconds=_COUNT_LEASE):
        return False
    while not stopping.is_set() and not counting.count_new():
        leases.take("counts", holder, seconds=_COUNT_LEASE)
    if time.monotonic() >= _measure_at:
        _measure_at = time.monotonic() + max(_MEASURE_INTERVAL, _MEASURE_SHARE * counting.measure())
    return True
