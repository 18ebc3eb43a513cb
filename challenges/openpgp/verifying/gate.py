"""How many gpg processes run at once (security.md R36)."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache

from django.conf import settings

from accounts import figures
from accounts.errors import Reason, Refusal

_QUEUE_PER_PLACE = 4
_QUEUE_SECONDS = 10.0
_POOL = "gpg"  # in the figures


class Gate:
    """`places` at once; four times as many wait, but never half of all threads; the next is refused at once."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._most = places + max(1, min(places * _QUEUE_PER_PLACE, settings.HTTP_THREADS // 2))
        self._inside = 0
        self._lock = threading.Lock()
        figures.watch_pool(
            _POOL, lambda: figures.Load(places, min(self._inside, places), max(0, self._inside - places))
        )

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place, after a wait; OVERLOADED where none can be had."""
        with self._lock:
            if self._inside >= self._most:
                raise _overloaded()
            self._inside += 1
        try:
            if not self._free.acquire(timeout=_QUEUE_SECONDS):
                raise _overloaded()
            try:
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self._inside -= 1


def _overloaded() -> Refusal:
    figures.POOL_REFUSED.add(_POOL)
    return Refusal(Reason.OVERLOADED, retry_after=1, detail="gpg")


@cache
def _gate(places: int) -> Gate:
    return Gate(places)


def place() -> AbstractContextManager[None]:
    """A place at the gate of this process."""
    return _gate(settings.OPENPGP_VERIFIERS_AT_ONCE or os.cpu_count() or 1).one()
