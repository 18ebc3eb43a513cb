"""What the server does beside answering, on the first page: what waits, background jobs, processes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts import clock, homeserver, jobs, processes
from accounts.admin import shown
from accounts.models import Delivery, HomeserverTask, JobState, QueuedMail, ServerProcess

_AT_ONCE = 5.0  # seconds between two runs of a job that always looks
_LATE = 120.0  # seconds after which a job that did not run is told of
_WHAT: Mapping[str, str] = {
    "mail": "sends mails",
    "events": "tells subscribers",
    "homeserver": "tells the homeserver",
    "homeserver-search": "looks for accounts the homeserver never heard of",
    "notices": "tells sockets what changed",
    "limits": "keeps limits over a restart",
    "guessers": "counts wrong secrets, blocks guessers",
    "watch": "looks whether all is well",
    "purge": "deletes what has expired",
    "figures": "shares numbers between processes",
    "clock": "keeps the time, should the machine's go back",
    "presence": "says which processes live",
    "counts": "counts the audit log for this page",
}


def waiting() -> dict[str, Any]:
    """A table: what waits to be delivered, how much of it failed before, and for how long."""
    has_failed = Q(last_error__gt="")
    rows = [_queue("Mails", "queuedmail", QueuedMail.objects.all(), has_failed)]
    if homeserver.is_on():
        rows.append(_queue("For the homeserver", "homeservertask", HomeserverTask.objects.all(), has_failed))
    events = Delivery.objects.filter(state=Delivery.State.WAITING)
    rows.append(_queue("Events for subscribers", "delivery", events, has_failed))
    return shown.table(("Waiting", "How many", "Failed before", "The oldest since"), rows)


def _queue(label: str, model: str, rows: QuerySet[Any], has_failed: Q) -> tuple[Any, ...]:
    found = rows.order_by().aggregate(all=Count("pk"), failed=Count("pk", filter=has_failed), oldest=Min("created_at"))
    link = shown.anchor(reverse(f"admin:accounts_{model}_changelist"), label)
    return link, f"{found['all']:,}", f"{found['failed']:,}", ago(found["oldest"])


def background() -> dict[str, Any]:
    """A table: each background job, when it ran, how that ended, and when it runs next."""
    moment = clock.now()
    rows = [
        (
            state.job,
            _WHAT.get(state.job, ""),
            _health(state, moment),
            ago(state.ran_at),
            f"{state.seconds * 1000:,.0f} ms",
            _next(state, moment),
            _failure(state),
        )
        for state in jobs.states()
    ]
    return shown.table(("Job", "What it does", "State", "Last run", "Took", "Next", "Last failure"), rows)


def _health(state: JobState, moment: datetime) -> str:
    if jobs.is_failing(state):
        return "fails"
    is_late = state.next_at is not None and (moment - state.next_at).total_seconds() > _LATE
    return "does not run" if is_late else "well"


def _next(state: JobState, moment: datetime) -> str:
    if state.next_at is None or (state.next_at - state.ran_at).total_seconds() <= _AT_ONCE:
        return "all the time"
    seconds = (state.next_at - moment).total_seconds()
    return f"in {_stretch(seconds)}" if seconds > 0 else "due"


def _failure(state: JobState) -> SafeString | str:
    if state.failed_at is None:
        return ""
    return shown.text(f"{ago(state.failed_at)}: {state.last_error} ({state.failures:,} in all)")


def serving() -> tuple[dict[str, Any], dict[str, int]]:
    """A table of the processes that serve, and the sockets they hold by door."""
    living = list(processes.living())
    sockets: dict[str, int] = {}
    for process in living:
        for door, number in process.sockets.items():
            sockets[door] = sockets.get(door, 0) + int(number)
    rows = [(_host(one), ago(one.started_at), f"{sum(one.sockets.values()):,}", _memory(one)) for one in living]
    return shown.table(("Process", "Started", "Sockets", "Memory"), rows), sockets


def _host(process: ServerProcess) -> SafeString | str:
    """Machine and process id."""
    return shown.text(process.name.rpartition(":")[0] or process.name)


def _memory(process: ServerProcess) -> str:
    return f"{process.memory / 2**20:,.0f} MiB" if process.memory else ""


def ago(moment: datetime | None) -> str:
    """`12 s ago`; "" for never."""
    if moment is None:
        return ""
    seconds = (clock.now() - moment).total_seconds()
    return "just now" if seconds < 1 else f"{_stretch(seconds)} ago"


def _stretch(seconds: float) -> str:
    """A time in its largest unit: s, min, h or days."""
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{max(0.0, seconds):,.0f} s"
