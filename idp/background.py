"""Work the server process does beside answering: notices to sockets, limits kept, mail, purge (operations.md §2).

Two daemon threads per process: a mail server that hangs must not delay the notices. Every process reads notices and
keeps its limits; sending mail and purging are done by one of them, which holds the lease.
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

from accounts import hub, leases, mail, retention, throttle

_log = logging.getLogger("latchkey.background")
_NOTICE_INTERVAL = 0.5
_SAVE_INTERVAL = 1.0
_MAIL_INTERVAL = 0.5  # a mail of this process goes at once; this is for those of others and for further tries
_MAIL_LEASE = 15.0  # given back after each batch; this long others wait when its holder was killed
_MAIL_PATIENCE = 2.0  # for the mail that is being sent when the process stops; others stay in the queue
_holder = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
_started = False
_stopping = threading.Event()
_mailer: threading.Thread | None = None
_lock = threading.Lock()


def ensure_started() -> None:
    """Starts the threads with the first event loop that asks; cheap afterwards."""
    if _started:
        return
    _start(asyncio.get_running_loop())


def stop() -> None:
    """Ends the threads and keeps the limits a last time."""
    _stopping.set()
    mail.queued.set()
    if _started:
        throttle.save()
    if _mailer is not None:
        _mailer.join(_MAIL_PATIENCE)


def _start(loop: asyncio.AbstractEventLoop) -> None:
    global _started, _mailer
    with _lock:
        if _started:
            return
        _started = True
    threading.Thread(target=_work, args=(loop,), name="background", daemon=True).start()
    _mailer = threading.Thread(target=_carry_mail, name="mail", daemon=True)
    _mailer.start()


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


def _carry_mail() -> None:
    while not _stopping.is_set():
        mail.queued.wait(_MAIL_INTERVAL)
        mail.queued.clear()
        _attempt(_send_mail)


def _send_mail() -> None:
    """Batch after batch while mails go; one lease holder at a time, so that one server is not asked by all at once."""
    more = True
    while more and not _stopping.is_set() and mail.is_due():
        if not leases.take("mail", _holder, seconds=_MAIL_LEASE):
            return
        try:
            more = mail.deliver_due() > 0
        finally:
            leases.take("mail", _holder, seconds=0)


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
