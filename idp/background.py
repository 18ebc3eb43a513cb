"""Work the server process does beside answering: notices to sockets, limits kept, mail, purge (operations.md §2).

Daemon threads: a mail server that hangs must not delay the notices, nor a homeserver that hangs either of them, nor a
purge of a million rows. Every process reads notices, keeps its limits and watches the keys; mail, homeserver and purge
are seen to by the one that holds the lease.
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

from accounts import clock, homeserver, hub, jobs, leases, mail, policy, retention, throttle, timekeeping
from accounts.homeserver import delivery
from idp import key_watch, neighbours, request_log, watching
from idp.metrics import working

_log = logging.getLogger("latchkey.background")
_NOTICE_INTERVAL = 0.5
_SAVE_INTERVAL = 1.0
_MAIL_INTERVAL = 0.5  # a mail of this process goes at once; this is for those of others and for further tries
_MAIL_LEASE = 15.0  # given back after each batch; this long others wait when its holder was killed
_HOMESERVER_INTERVAL = 0.5  # as for mail
_HOMESERVER_LEASE = 5.0  # a courtesy: what must not happen twice at once is claimed by account
_UNCONNECTED_INTERVAL = 3_600.0  # between two searches for accounts that a homeserver never heard of
_FIRST_PURGE = 60.0
_LAST_PATIENCE = 5.0  # for what is written down when the process stops
_MAIL_PATIENCE = 2.0  # for the mail that is being sent when the process stops; others stay in the queue
_holder = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
_started = False
_stopping = threading.Event()
_mailer: threading.Thread | None = None
_lock = threading.Lock()
_keys = key_watch.KeyWatch(settings.VAR_DIR)


def ensure_started() -> None:
    """Starts the threads with the first event loop that asks; cheap afterwards."""
    if _started:
        return
    _start(asyncio.get_running_loop())


def stop() -> None:
    """Ends the threads and keeps the limits a last time."""
    _stopping.set()
    neighbours.stop()
    mail.queued.set()
    homeserver.queued.set()
    if _started:  # in a thread: uvicorn calls this on its event loop, where Django asks no database
        last = threading.Thread(target=_say_last, daemon=True)
        last.start()
        last.join(_LAST_PATIENCE)
    request_log.flush()
    if _mailer is not None:
        _mailer.join(_MAIL_PATIENCE)


def _say_last() -> None:
    for job in (throttle.save, watching.stop, lambda: working.stop(_holder)):
        _attempt(job)


def _start(loop: asyncio.AbstractEventLoop) -> None:
    global _started, _mailer
    with _lock:
        if _started:
            return
        _started = True
    clock.never_back()
    _keys.take_up()  # before the first answer: they may have changed since this process read its settings
    threading.Thread(target=_watch_keys, name="keys", daemon=True).start()
    threading.Thread(target=_work, args=(loop,), name="background", daemon=True).start()
    threading.Thread(target=_forget, name="purge", daemon=True).start()
    _mailer = threading.Thread(target=_carry_mail, name="mail", daemon=True)
    _mailer.start()
    watching.start(_stopping, _attempt, _holder)
    working.start(_stopping, _attempt, _holder, loop)
    if homeserver.is_on():
        threading.Thread(target=_tell_homeserver, name="homeserver", daemon=True).start()


def _work(loop: asyncio.AbstractEventLoop) -> None:
    seen: dict[int, float] = {}
    work: list[tuple[str, float, Callable[[], None]]] = [
        ("notices", _NOTICE_INTERVAL, lambda: _deliver(loop, seen)),
        ("limits", _SAVE_INTERVAL, throttle.save),
        ("clock", timekeeping.INTERVAL, timekeeping.note),
    ]
    due = [time.monotonic() + interval for _, interval, _ in work]
    _attempt(timekeeping.take_up, "clock")
    _attempt(throttle.load, "limits")
    while not _stopping.wait(0.1):
        for index, (name, interval, job) in enumerate(work):
            if time.monotonic() >= due[index]:
                _attempt(job, name, every=interval)
                due[index] = time.monotonic() + interval


def _watch_keys() -> None:
    """Asks no database: a key that was changed counts everywhere within a second."""
    while not _stopping.wait(key_watch.INTERVAL):
        try:
            if _keys.take_up():
                _log.info("took up new keys; %d older ones verify", len(settings.SECRET_KEY_FALLBACKS))
        except Exception as error:  # whatever it met: the next look is soon
            _log.warning("looking for new keys failed: %s", type(error).__name__)


def _forget() -> None:
    """First a minute after the start, for servers that seldom run as long as the interval; the lease keeps count."""
    wait = min(_FIRST_PURGE, settings.PURGE_INTERVAL)
    while not _stopping.wait(wait):
        _attempt(_purge, every=settings.PURGE_INTERVAL)
        wait = settings.PURGE_INTERVAL


def _carry_mail() -> None:
    while not _stopping.is_set():
        mail.queued.wait(_MAIL_INTERVAL)
        mail.queued.clear()
        _attempt(_send_mail, every=_MAIL_INTERVAL)


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


def _tell_homeserver() -> None:
    """Only where a homeserver delegates to this server."""
    search_at = time.monotonic()
    while not _stopping.is_set():
        if time.monotonic() >= search_at:
            _attempt(_find_unconnected, "homeserver-search", every=_UNCONNECTED_INTERVAL)
            search_at = time.monotonic() + _UNCONNECTED_INTERVAL
        homeserver.queued.wait(_HOMESERVER_INTERVAL)
        homeserver.queued.clear()
        _attempt(_deliver_to_homeserver, every=_HOMESERVER_INTERVAL)


def _deliver_to_homeserver() -> None:
    """Batch after batch while it goes."""
    more = True
    while more and not _stopping.is_set() and delivery.is_due():
        if not leases.take("homeserver", _holder, seconds=_HOMESERVER_LEASE):
            return
        try:
            more = delivery.run() > 0
        finally:
            leases.take("homeserver", _holder, seconds=0)


def _find_unconnected() -> bool:
    is_mine = leases.take("homeserver-search", _holder, seconds=_UNCONNECTED_INTERVAL / 2)
    if is_mine:
        delivery.find_unconnected()
    return is_mine


def _attempt(job: Callable[[], object], name: str = "", *, every: float = 0.0) -> None:
    """Runs a job; whatever it meets, the next round comes, after `every` seconds. It is called as its thread is unless
    it has a `name`. One that answers False left it to another process: it did not run."""
    error, begun, name = "", time.perf_counter(), name or threading.current_thread().name
    try:
        close_old_connections()
        if job() is False:
            return
    except Exception as failure:  # a database that is gone must not end the thread
        error = type(failure).__name__
        _log.warning("background job %s failed: %s", name, error)
    finally:
        close_old_connections()
    if not _stopping.is_set():
        jobs.ran(name, seconds=time.perf_counter() - begun, error=error, every=every, holder=_holder)
        close_old_connections()


def _deliver(loop: asyncio.AbstractEventLoop, seen: dict[int, float]) -> None:
    notices = hub.fresh_notices(seen)
    if notices:  # sockets that look now must not decide by what was true half a second ago
        policy.look_again()
    for notice in notices:
        loop.call_soon_threadsafe(hub.deliver_here, notice.group, notice.event, notice.data)


def _purge() -> bool:
    is_mine = leases.take("purge", _holder, seconds=settings.PURGE_INTERVAL / 2)
    if is_mine:
        retention.purge_all()
    return is_mine
