"""Deletes what has expired, in batches, so that requests go on meanwhile (R62)."""

from collections.abc import Callable, Iterator

from django.conf import settings
from django.contrib.sessions.models import Session

from accounts import audit, clock, devices, hub, ledger, mail, throttle, tokens

_BATCH = 1000


def jobs() -> Iterator[tuple[str, Callable[[], int]]]:
    """What is purged, in order: its name and a function that deletes one batch and answers its size."""
    yield "challenges", lambda: ledger.purge(batch=_BATCH)
    yield "tokens", lambda: tokens.purge(batch=_BATCH)
    yield "devices", lambda: devices.purge(batch=_BATCH)
    yield "audit events", lambda: audit.purge(settings.AUDIT_RETENTION, batch=_BATCH)
    yield "mails", lambda: mail.purge(batch=_BATCH)
    yield "notices", lambda: hub.purge(batch=_BATCH)
    yield "limits", lambda: throttle.purge(batch=_BATCH)
    yield "browser sessions", _purge_browser_sessions


def purge_all(report: Callable[[str, int], None] | None = None) -> dict[str, int]:
    """Deletes everything that has expired; `report` hears the running count after each batch."""
    counts: dict[str, int] = {}
    for name, delete_batch in jobs():
        counts[name] = 0
        while size := delete_batch():
            counts[name] += size
            if report:
                report(name, counts[name])
            if size < _BATCH:
                break
    return counts


def _purge_browser_sessions() -> int:
    ids = list(Session.objects.filter(expire_date__lt=clock.now()).values_list("pk", flat=True)[:_BATCH])
    Session.objects.filter(pk__in=ids).delete()
    return len(ids)
