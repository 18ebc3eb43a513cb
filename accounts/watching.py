"""What is not well by itself: mail that is stuck, a homeserver that is silent, background jobs that fail.

One process looks every WATCH_INTERVAL seconds (by lease, `idp/watching.py`). What lasts is told once, and once more
when it is over; that it was told stands in the database, so neither a restart nor another process tells it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import clock, happenings, homeserver, jobs, mail
from accounts.homeserver import client
from accounts.homeserver.client import CallFailed
from accounts.models import Condition, QueuedMail

_PROBE = "latchkey-watch"  # a name that nobody can have here: a question that changes nothing
_JOB = "job "


@dataclass(frozen=True, slots=True)
class Sign:
    """How one thing stands. `lasts` is how many seconds it must be bad before it is told."""

    name: str
    is_bad: bool
    told_as: str
    over_as: str
    subject: str = ""
    lasts: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


def look() -> int:
    """Looks at everything; answers how many things are not well."""
    signs = [_mail(), *_homeserver(), *_jobs()]
    for sign in signs:
        _note(sign)
    return sum(sign.is_bad for sign in signs)


def _mail() -> Sign:
    age = mail.oldest_due_age()
    is_bad = age > settings.MAIL_STUCK_AFTER
    facts = {"seconds": int(age), "waiting": QueuedMail.objects.count()} if is_bad else {}
    return Sign("mail", is_bad, "mail-stuck", "mail-flows", facts=facts)


def _homeserver() -> Iterator[Sign]:
    if not homeserver.is_on():
        return
    error = ""
    try:
        client.query_user(_PROBE)
    except CallFailed as failed:
        error = str(failed) if failed.is_everybodys else ""
    yield Sign(
        "homeserver",
        bool(error),
        "homeserver-silent",
        "homeserver-answers",
        subject=settings.MATRIX_HOMESERVER_URL,
        lasts=settings.HOMESERVER_SILENT_AFTER,
        facts={"error": error} if error else {},
    )


def _jobs() -> Iterator[Sign]:
    """Jobs whose last try failed, and those that were told of before and are no longer among them."""
    bad = {state.job: state.last_error for state in jobs.states() if jobs.is_failing(state)}
    known = Condition.objects.filter(name__startswith=_JOB).values_list("name", flat=True)
    for job in sorted({*bad, *(name.removeprefix(_JOB) for name in known)}):
        facts = {"error": bad[job]} if job in bad else {}
        lasts = settings.JOB_FAILING_AFTER
        yield Sign(f"{_JOB}{job}"[:64], job in bad, "job-failing", "job-works", subject=job, lasts=lasts, facts=facts)


def _note(sign: Sign) -> None:
    """Remembers since when it is bad, and tells once: the row's condition decides which of several processes does."""
    moment = clock.now()
    with transaction.atomic():
        if not sign.is_bad:
            known = Condition.objects.filter(name=sign.name).first()
            ended = Condition.objects.filter(name=sign.name).delete()[0] if known else 0
            if known and ended and known.told_at:
                happenings.tell(sign.over_as, subject=sign.subject, facts={"since": known.since.isoformat()})
            return
        row, _ = Condition.objects.get_or_create(name=sign.name, defaults={"since": moment, "facts": sign.facts})
        long_enough = (moment - row.since).total_seconds() >= sign.lasts
        untold = Condition.objects.filter(name=sign.name, told_at=None)
        if long_enough and untold.update(told_at=moment, facts=sign.facts):
            facts = {**sign.facts, "since": row.since.isoformat()}
            happenings.tell(sign.told_as, subject=sign.subject, facts=facts)
