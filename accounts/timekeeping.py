"""How late it is, kept in the database: so that a process that starts after the machine's clock was set back knows
(R30).

A row of the leases that nobody holds: its end is the latest moment that any process has told.
"""

from contextlib import suppress
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import clock
from accounts.models import Lease

INTERVAL = 15.0  # seconds between two notes; what expired after the last may come back when a process starts
_JOB = "clock"


def take_up() -> None:
    """The clock of this process goes on from the latest moment that any has told."""
    clock.never_back(at_least=latest())


def latest() -> datetime | None:
    """None where no process has told any."""
    return Lease.objects.filter(job=_JOB).values_list("until", flat=True).first()


def note() -> None:
    """Tells that it is now. A moment earlier than another's changes nothing, unless that one was far from the truth."""
    moment = clock.now()
    row = Lease.objects.filter(job=_JOB)
    if not row.filter(Q(until__lt=moment) | Q(until__gt=clock.after(clock.MOST, moment))).update(until=moment):
        with suppress(IntegrityError), transaction.atomic():
            Lease.objects.get_or_create(job=_JOB, defaults={"holder": "all", "until": moment})
