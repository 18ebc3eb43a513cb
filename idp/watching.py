"""Background work of guessers and events: counting in every process, telling and watching in one of them."""

import threading
from collections.abc import Callable

from django.conf import settings

from accounts import deliveries, guessers, happenings, leases, watching

_COUNT_INTERVAL = 1.0  # seconds; a deny must count everywhere within one second of being saved, not of being earned
_EVENT_INTERVAL = 1.0  # an event of this process goes at once; this is for those of others and for further tries
_EVENT_LEASE = 30.0  # a courtesy: each try is claimed by its row


def start(stopping: threading.Event, attempt: Callable[..., None], holder: str) -> None:
    """Starts the threads. `attempt` runs a job whatever it meets."""
    for name, work in (("guessers", _count), ("events", _tell), ("watch", _watch)):
        threading.Thread(target=work, args=(stopping, attempt, holder), name=name, daemon=True).start()


def stop() -> None:
    """Writes down what was counted since the last time."""
    guessers.take_up()


def _count(stopping: threading.Event, attempt: Callable[..., None], holder: str) -> None:
    while not stopping.wait(_COUNT_INTERVAL):
        attempt(guessers.take_up, every=_COUNT_INTERVAL)


def _tell(stopping: threading.Event, attempt: Callable[..., None], holder: str) -> None:
    def tell() -> None:
        tell_due(stopping, holder)

    while not stopping.is_set():
        happenings.queued.wait(_EVENT_INTERVAL)
        happenings.queued.clear()
        attempt(tell, every=_EVENT_INTERVAL)


def tell_due(stopping: threading.Event, holder: str) -> None:
    """Batch after batch while messages go; one lease holder at a time."""
    more = True
    while more and not stopping.is_set() and deliveries.is_due():
        if not leases.take("events", holder, seconds=_EVENT_LEASE):
            return
        try:
            more = deliveries.spread() + deliveries.deliver_due() > 0
        finally:
            leases.take("events", holder, seconds=0)


def _watch(stopping: threading.Event, attempt: Callable[..., None], holder: str) -> None:
    def look() -> bool:
        is_mine = leases.take("watch", holder, seconds=settings.WATCH_INTERVAL * 0.9)
        if is_mine:
            watching.look()
        return is_mine

    while not stopping.wait(settings.WATCH_INTERVAL):
        attempt(look, every=settings.WATCH_INTERVAL)
