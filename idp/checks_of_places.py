"""Checks of where an installation stands: its clock, and how many machines share its SQLite file (R64)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import redis
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import Error as DatabaseError
from django.db import connection

from accounts import clock
from accounts.models import Lease
from idp import time_sync


@register(Tags.security, deploy=True)
def standing_well(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """What an operator should mend in the place, not in the settings."""
    return [*_clock(), *_one_file_for_several_machines()]


def _clock() -> list[CheckMessage]:
    """Against the machines that this one works with; `doctor` also asks the kernel, and PUBLIC_URL."""
    hint = "Let all machines take the time from NTP: timedatectl set-ntp true."
    far = [name for name, moment in _others().items() if _apart(moment) > time_sync.MOST_APART]
    if far:
        return [Error(f"The clock is more than a minute off that of {' and '.join(far)}.", hint=hint, id="idp.E007")]
    return []


def _others() -> dict[str, datetime]:
    """What time it is at Postgres and at Redis; who does not answer is no matter of clocks."""
    found: dict[str, datetime] = {}
    if connection.vendor == "postgresql":
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                found["Postgres"] = cursor.fetchone()[0]
        except DatabaseError:
            pass
    if settings.REDIS_URL:
        try:
            client: Any = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2.0, socket_connect_timeout=2.0)
            seconds, micros = client.time()
            found["Redis"] = datetime.fromtimestamp(seconds + micros / 1e6, UTC)
        except redis.RedisError:
            pass
    return found


def _apart(moment: datetime) -> float:
    return abs((clock.now() - moment).total_seconds())


def _one_file_for_several_machines() -> list[CheckMessage]:
    """Jobs of the last hour that were done by processes of different machines, on one SQLite file."""
    if connection.vendor != "sqlite":
        return []
    try:
        holders = list(Lease.objects.filter(until__gt=clock.after(-3600)).values_list("holder", flat=True))
    except DatabaseError:
        return []  # not migrated yet
    machines = {holder.rpartition(":")[0].rpartition(":")[0] for holder in holders if holder.count(":") >= 2}
    if len(machines) < 2:
        return []
    hint = "SQLite is for one machine: `manage.py copy_database` brings everything to Postgres."
    return [Error("Several machines share one SQLite file.", hint=hint, id="idp.E008")]
