"""Counts of the audit log by the hour, and how much there is of what: made in the background, read by the first page.

The log is counted up to a moment that is kept beside the counts and moved in the same transaction, so that every event
counts once, whoever counts and however often a process dies. What is younger is counted when somebody looks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from time import perf_counter
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Count, F, Min, QuerySet, Sum

from accounts import clock, tokens
from accounts.models import AccessRule, AuditEvent, HourlyCount, StoredFigures, User

_LAG = 45.0  # seconds; a transaction that held an event back for longer would have been ended by its time-outs
_BEGIN = 31 * 86_400.0  # seconds of an old log that are counted
_RETENTION = 400 * 86_400.0  # seconds: a year and a month
_PATIENCE = 2.0  # seconds of one run; the next goes on
_IDLE = 600.0  # seconds after which the moment moves on although nothing happened
_COUNTED, _SIZES = "counted", "sizes"
_HOUR = 3_600  # seconds


class Key(NamedTuple):
    """What is counted together."""

    event: str
    flow: str
    outcome: str
    reason: str


class Slice(NamedTuple):
    """A stretch of the log within one hour, and what happened in it."""

    hour: int
    end: datetime
    counts: Mapping[Key, int]


def count_new() -> bool:
    """Counts what came since the last run, hour by hour; whether nothing is left. One process at a time (a lease)."""
    begun = perf_counter()
    latest = clock.after(-_LAG)
    while perf_counter() < begun + _PATIENCE:
        with transaction.atomic():
            state, _ = StoredFigures.objects.select_for_update().get_or_create(name=_COUNTED)
            begin = _until(state) or clock.after(-_BEGIN)
            found = _next(begin, latest)
            if found is not None:
                _add(found)
            elif latest < begin + timedelta(seconds=_IDLE):
                return True
            state.numbers, state.at = {"until": (found.end if found else latest).isoformat()}, clock.now()
            state.save()
    return False


def by_time(since: datetime, *, events: Iterable[str], hours: int) -> Counter[tuple[int, Key]]:
    """The counts of these events in stretches of `hours` from the hour of `since` on, the youngest among them.
    Stretches are numbered from 1970 (UTC); reasons are left out."""
    wanted = set(events)
    rows = HourlyCount.objects.filter(hour__gte=number_of(since), event__in=wanted).order_by()
    grouped = rows.annotate(stretch=F("hour") / hours).values_list("stretch", "event", "flow", "outcome")
    found: Counter[tuple[int, Key]] = Counter()
    for stretch, event, flow, outcome, number in grouped.annotate(number=Sum("count")):
        found[stretch, Key(event, flow, outcome, "")] += int(number)
    for young in _younger(since):
        for key, number in young.counts.items():
            if key.event in wanted:
                found[young.hour // hours, key._replace(reason="")] += number
    return found


def refused(since: datetime) -> Counter[Key]:
    """What was refused since the hour of a moment, and how often."""
    rows = HourlyCount.objects.filter(hour__gte=number_of(since), outcome=AuditEvent.Outcome.REFUSED).order_by()
    grouped = rows.values_list("event", "flow", "outcome", "reason").annotate(number=Sum("count"))
    found = Counter({Key(*row[:4]): int(row[4]) for row in grouped})
    for young in _younger(since):
        found.update({key: n for key, n in young.counts.items() if key.outcome == AuditEvent.Outcome.REFUSED})
    return found


def sizes() -> tuple[Mapping[str, Any], datetime]:
    """How much there is: `accounts`, `rules`, `tokens` and `sessions` by door; and the moment of which this is true."""
    row = StoredFigures.objects.filter(name=_SIZES).first()
    return (row.numbers, row.at) if row is not None else (_measured(), clock.now())


def measure() -> float:
    """Stores the sizes anew; the seconds that took."""
    begun = perf_counter()
    numbers = _measured()
    StoredFigures.objects.update_or_create(name=_SIZES, defaults={"numbers": numbers, "at": clock.now()})
    return perf_counter() - begun


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of old counts; answers how many."""
    ids = list(
        HourlyCount.objects.filter(hour__lt=number_of(clock.after(-_RETENTION))).values_list("pk", flat=True)[:batch]
    )
    return HourlyCount.objects.filter(pk__in=ids).delete()[0]


def number_of(moment: datetime) -> int:
    """The hour of a moment, counted from 1970 (UTC)."""
    return int(moment.timestamp() // _HOUR)


def moment_of(hour: int) -> datetime:
    """When the hour of this number begins."""
    return datetime.fromtimestamp(hour * _HOUR, UTC)


def _measured() -> dict[str, Any]:
    living = tokens.live().exclude(activated_at=None).order_by()
    by_door = living.values("flow").annotate(tokens=Count("pk"), sessions=Count("family", distinct=True))
    rows = {row["flow"]: row for row in by_door}
    return {
        "accounts": User.objects.filter(deactivated_at=None).count(),
        "rules": AccessRule.objects.filter(enabled=True).count(),
        "tokens": {flow: row["tokens"] for flow, row in rows.items()},
        "sessions": {flow: row["sessions"] for flow, row in rows.items()},
    }


def _until(state: StoredFigures | None) -> datetime | None:
    text = state.numbers.get("until") if state else None
    return datetime.fromisoformat(text) if text else None


def _younger(since: datetime) -> Iterator[Slice]:
    """What is not counted yet: a minute or two of the log, all of it where no background work is done."""
    begin = max(_until(StoredFigures.objects.filter(name=_COUNTED).first()) or since, since)
    end = clock.after(_HOUR)  # of a clock that was set back
    while (found := _next(begin, end)) is not None:
        yield found
        begin = found.end


def _next(begin: datetime, end: datetime) -> Slice | None:
    """The next stretch in which something happened; None when nothing did before `end`."""
    log: QuerySet[AuditEvent] = AuditEvent.objects.order_by()
    first = log.filter(at__gte=begin, at__lt=end).aggregate(first=Min("at"))["first"]
    if first is None:
        return None
    hour = number_of(first)
    stop = min(moment_of(hour + 1), end)
    rows = log.filter(at__gte=first, at__lt=stop).values_list("event", "flow", "outcome", "reason")
    return Slice(hour, stop, {Key(*row[:4]): row[4] for row in rows.annotate(number=Count("pk"))})


def _add(found: Slice) -> None:
    """One statement for all counts of an hour: the ORM cannot add to a row that is there already."""
    with connection.cursor() as cursor:
        cursor.executemany(_statement(), [(found.hour, *key, number) for key, number in found.counts.items()])


@cache
def _statement() -> str:
    return (
        f"INSERT INTO {HourlyCount._meta.db_table} AS kept (hour, event, flow, outcome, reason, count) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (hour, event, flow, outcome, reason) "
        "DO UPDATE SET count = kept.count + excluded.count"
    )
