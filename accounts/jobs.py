"""When background jobs ran last, and how that ended: figures of this process, and a row that every process shares.

A job that looks twice a second whether there is work writes its row now and then, a failure soon.
"""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import Error, IntegrityError
from django.db.models import F

from accounts import clock, figures
from accounts.models import JobState

_log = logging.getLogger("latchkey.jobs")
_WRITTEN_EVERY, _FAILURE_EVERY = 15.0, 2.0  # seconds between two writes of a job's row by this process
_RETENTION = 7 * 86_400.0  # seconds; then a job that no process has any more is forgotten


@dataclass(slots=True)
class _Known:
    """What this process has not written yet."""

    written_at: float = -1e9
    failed: bool = False
    failures: int = 0


_known: dict[str, _Known] = {}
_lock = threading.Lock()


def ran(job: str, *, seconds: float, error: str = "", every: float = 0.0, holder: str = "") -> None:
    """Notes a run of `seconds`. `error`: the failure's class, "" for a success; `every`: seconds to the next run."""
    figures.JOB_RUNS.add(job, "failed" if error else "succeeded")
    figures.JOB_SECONDS.add(job, by=seconds)
    known = _known.setdefault(job, _Known())
    with _lock:
        known.failures += bool(error)
        is_news = bool(error) != known.failed
        pause = (
            0.0 if is_news and not error else _FAILURE_EVERY if error else min(_WRITTEN_EVERY, every or _WRITTEN_EVERY)
        )
        if time.monotonic() < known.written_at + pause:
            return
        failures, known.failures = known.failures, 0
        known.failed, known.written_at = bool(error), time.monotonic()
    try:
        _write(job, seconds=seconds, error=error, every=every, holder=holder, failures=failures)
    except Error as gone:  # the next run tries again
        known.failures += failures
        _log.debug("the state of a job was not written: %s", type(gone).__name__)


def _write(job: str, *, seconds: float, error: str, every: float, holder: str, failures: int) -> None:
    moment = clock.now()
    values: dict[str, object] = {
        "ran_at": moment,
        "seconds": seconds,
        "next_at": clock.after(every, moment) if every else None,
        "holder": holder[:64],
    }
    values |= {"last_error": error[:100], "failed_at": moment} if error else {"succeeded_at": moment}
    row = JobState.objects.filter(job=job)
    if row.update(**values, failures=F("failures") + failures):
        return
    try:
        JobState(job=job, failures=failures, **values).save(force_insert=True)
    except IntegrityError:  # another process was faster, and says the same
        return


def states() -> list[JobState]:
    """Every job that ran in the last days, by name."""
    since: datetime = clock.after(-_RETENTION)
    return list(JobState.objects.filter(ran_at__gt=since).order_by("job"))


def is_failing(state: JobState) -> bool:
    """Whether its last run failed."""
    return state.failed_at is not None and (state.succeeded_at is None or state.failed_at > state.succeeded_at)


def purge(*, batch: int = 1000) -> int:
    """Deletes jobs that no process has any more; answers how many."""
    ids = list(JobState.objects.filter(ran_at__lt=clock.after(-_RETENTION)).values_list("pk", flat=True)[:batch])
    return JobState.objects.filter(pk__in=ids).delete()[0]
