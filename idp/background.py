"""Work the server process does beside answering: notices to sockets, limits kept, purge (operations.md §2).

One daemon thread per process. Every process reads notices and keeps its limits; purging is done by one of them,
which holds the lease.
"""

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import close_old_connections

from accounts import hub, leases, retention, throttle

_log = logging.getLogger("latchkey.background")
_NOTICE_INTERVAL = 0.5
_SAVE_INTERVAL = 1.0
_holder = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
_started = False
_stopping = threading.Event()
_lock = threading.Lock()


def ensure_started() -> None:
    """Starts the thread with the first event loop that asks; cheap afterwards."""
    if _started:
        return
    _start(asyncio.get_running_loop())


def stop() -> None:
    """Ends the thread and keeps the limits a last time."""
    _stopping.set()
    if _started:
        throttle.save()


def _start(loop: asyncio.AbstractEventLoop) -> None:
    global _started
    with _lock:
        if _started:
            return
        _started = True
    threading.Thread(target=_work, args=(loop,), name="background", daemon=True).start()


def _work(loop: asyncio.AbstractEventLoop) -> None:
    seen: dict[int, float] = {}
    jobs: list[tuple[float, Callable[[], None]]] = [
        (_NOTICE_INTERVAL, lambda: _deliver(loop, seen)),
        (_SAVE_INTERVAL, throttle.save),
        (settings.PURGE_INTERVAL, _purge),
    ]
    due = [time.monotonic() + interval for interval, _ in jobs]
    _attempt(throttle.load)
    while not _stopping.wait(0.1):
        for index, (interval, job) in enumerate(jobs):
            if time.monotonic() >= due[index]:
                _attempt(job)
                due[index] = time.monotonic() + interval


def _attempt(job: Callable[[], None]) -> None:
    """Runs a job; whatever it meets, the next round comes."""
    try:
        close_old_connections()
        job()
    except Exception as error:  # a database that is gone must not end the thread
        _log.warning("background job failed: %s", type(error).__name__)
    finally:
        close_old_connections()


def _deliver(loop: asyncio.AbstractEventLoop, seen: dict[int, float]) -> None:
    for notice in hub.fresh_notices(seen):
        loop.call_soon_threadsafe(hub.deliver_here, notice.group, notice.event, notice.data)


def _purge() -> None:
    if leases.take("purge", _holder, seconds=settings.PURGE_INTERVAL / 2):
        retention.purge_all()
