"""Deletes what has expired, in batches, so that requests go on meanwhile (R62)."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session

from accounts import (
    audit,
    clock,
    counting,
    deliveries,
    devices,
    guessers,
    hub,
    ledger,
    mail,
    mail_files,
    new_devices,
    recovery_codes,
    throttle,
    tokens,
)
from accounts import jobs as job_states

_BATCH, _LEAST = 1000, 20
_AIM = 0.01  # seconds a batch may take: so long a login may wait for it
_REST, _LONGEST_REST = 3.0, 1.0  # times as long as the batch took; seconds
_of_flows: dict[str, Callable[[int], int]] = {}


def register(name: str, delete_batch: Callable[[int], int]) -> None:
    """What a flow adds to the purge: a function that deletes at most so many rows and answers how many."""
    _of_flows[name] = delete_batch


def jobs() -> Iterator[tuple[str, Callable[[int], int]]]:
    """What is purged, in order: its name and a function that deletes at most so many rows and answers how many."""
    yield from _of_flows.items()
    yield "challenges", lambda most: ledger.purge(batch=most)
    yield "tokens", lambda most: tokens.purge(batch=most)
    yield "devices", lambda most: devices.purge(batch=most)
    yield "known devices", lambda most: new_devices.purge(batch=most)
    yield "audit events", lambda most: audit.purge(settings.AUDIT_RETENTION, batch=most)
    yield "mails", lambda most: mail.purge(batch=most)
    yield "guessers", lambda most: guessers.purge(batch=most)
    yield "events", lambda most: deliveries.purge(batch=most)
    yield "notices", lambda most: hub.purge(batch=most)
    yield "limits", lambda most: throttle.purge(batch=most)
    yield "browser sessions", _purge_browser_sessions
    yield "counts", lambda most: counting.purge(batch=most)
    yield "jobs", lambda most: job_states.purge(batch=most)
    yield "kept keys", lambda most: recovery_codes.purge(batch=most)
    yield "mails in files", _purge_mail_files


def purge_all(report: Callable[[str, int], None] | None = None) -> dict[str, int]:
    """Deletes everything that has expired; `report` hears the running count after each batch.

    Batches are of 1 000 rows, fewer where these take long: SQLite has one writer at a time. After each the database
    has a rest.
    """
    counts: dict[str, int] = {}
    for name, delete_batch in jobs():
        counts[name] = 0
        for deleted in _batches(delete_batch):
            counts[name] += deleted
            if report:
                report(name, counts[name])
    return counts


def _batches(delete_batch: Callable[[int], int]) -> Iterator[int]:
    """The sizes of the batches that were deleted, until nothing is left."""
    most = _BATCH
    while True:
        begun = time.monotonic()
        deleted = delete_batch(most)
        took = time.monotonic() - begun
        if deleted:
            yield deleted
        if deleted < most:
            return
        most = max(_LEAST, min(_BATCH, 2 * most, int(most * _AIM / max(took, 0.001))))
        time.sleep(min(_LONGEST_REST, _REST * took))


def _purge_browser_sessions(most: int) -> int:
    ids = list(Session.objects.filter(expire_date__lt=clock.now()).values_list("pk", flat=True)[:most])
    Session.objects.filter(pk__in=ids).delete()
    return len(ids)


def _purge_mail_files(most: int) -> int:
    """Mails of the default backend, which writes files: what opens something in them is long over."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if not folder or not settings.MAIL_FILE_RETENTION:
        return 0
    return mail_files.purge(Path(folder), clock.after(-settings.MAIL_FILE_RETENTION), most=most)
