"""Which process does a job that must run once: a row with an end, taken by one conditional UPDATE."""

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import clock
from accounts.models import Lease


def take(job: str, holder: str, *, seconds: float) -> bool:
    """Whether `holder` has the job for the next `seconds`."""
    moment = clock.now()
    free = Lease.objects.filter(Q(until__lt=moment) | Q(holder=holder), job=job)
    if free.update(holder=holder, until=clock.after(seconds, moment)):
        return True
    try:
        with transaction.atomic():
            _, is_new = Lease.objects.get_or_create(
                job=job, defaults={"holder": holder, "until": clock.after(seconds, moment)}
            )
            return is_new
    except IntegrityError:
        return False
