"""Numbers that the database knows, the same at every process: queues, jobs, sessions. Asked for at a scrape."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import Error
from django.db.models import Min, QuerySet
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from accounts import clock, counting, homeserver, jobs, mail
from accounts.homeserver import queue
from accounts.models import Delivery, HomeserverTask, QueuedMail

_GRACE = 60.0  # seconds: a job that always looks writes that it ran now and then


def collect() -> Iterator[Metric]:
    """The families; only whether the database answers when it does not."""
    up = GaugeMetricFamily("latchkey_database_up", "Whether the database answered this scrape.")
    try:
        families = [*_queues(), *_jobs(), _sessions()]
        up.add_metric([], 1)
    except Error:
        families = []
        up.add_metric([], 0)
    yield up
    yield from families


def _queues() -> Iterable[Metric]:
    length = _gauge("latchkey_queue_length", "Deliveries that wait, by queue.", "queue")
    failed = _gauge("latchkey_queue_failed", "Those among them that failed at least once.", "queue")
    age = _gauge("latchkey_queue_age_seconds", "Age of the oldest delivery that waits; 0 when none does.", "queue")
    for name, rows, oldest in _waiting():
        length.add_metric([name], rows.count())
        failed.add_metric([name], rows.exclude(last_error="").count())
        age.add_metric([name], oldest())
    return length, failed, age


def _waiting() -> Iterator[tuple[str, QuerySet[Any], Callable[[], float]]]:
    """The queues: name, what waits in it, and how old the oldest is in seconds."""
    yield "mail", QueuedMail.objects.all(), mail.oldest_due_age
    if homeserver.is_on():
        yield "homeserver", HomeserverTask.objects.all(), queue.oldest_age
    events = Delivery.objects.filter(state=Delivery.State.WAITING)
    yield "events", events, lambda: _age(events.aggregate(oldest=Min("created_at"))["oldest"])


def _age(moment: datetime | None) -> float:
    return max(0.0, (clock.now() - moment).total_seconds()) if moment else 0.0


def _jobs() -> Iterable[Metric]:
    succeeded = _gauge(
        "latchkey_job_last_success_timestamp_seconds", "When a background job last succeeded, as Unix time.", "task"
    )
    failing = _gauge("latchkey_job_failing", "Whether the last run of a background job failed.", "task")
    due = _gauge("latchkey_job_overdue_seconds", "How long a background job has been due without running.", "task")
    moment = clock.now()
    for state in jobs.states():
        if state.succeeded_at:
            succeeded.add_metric([state.job], state.succeeded_at.timestamp())
        failing.add_metric([state.job], int(jobs.is_failing(state)))
        if state.next_at:
            late = (moment - state.next_at).total_seconds() - _GRACE
            due.add_metric([state.job], max(0.0, late))
    return succeeded, failing, due


def _sessions() -> Metric:
    sessions = _gauge("latchkey_sessions", "Sessions that live, by door; counted about once a minute.", "door")
    numbers, _ = counting.sizes()
    for door, number in numbers["sessions"].items():
        sessions.add_metric([door], number)
    return sessions


def _gauge(name: str, words: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=[label])
