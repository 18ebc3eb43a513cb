"""Sign-ins by door on the first page: charts of a day and of a month, each with its numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString

from accounts import clock, counting, figures
from accounts.admin import charts, shown
from accounts.admin.charts import Bar
from accounts.models import Flow

_HOURS, _DAYS = 24, 30
DOORS = {**dict(Flow.choices), figures.ADMIN: "Administration"}


@dataclass(slots=True)
class _Counts:
    """Of one door: successes and refusals by the number of an hour or a day since 1970."""

    up: Counter[int] = field(default_factory=Counter)
    down: Counter[int] = field(default_factory=Counter)

    def bars(self, numbers: Sequence[int], hours: int, form: str) -> list[Bar]:
        return [Bar(_name(number, hours, form), self.up[number], self.down[number]) for number in numbers]


def section() -> dict[str, Any]:
    """What the template shows: a row for each door, and the numbers of both charts."""
    now = counting.number_of(clock.now())
    hours, days = range(now - _HOURS + 1, now + 1), range(now // 24 - _DAYS + 1, now // 24 + 1)
    by_hour, by_day = _counted(hours[0], 1), _counted(days[0] * 24, 24)
    return {
        "rows": [
            _row(door, by_hour[door].bars(hours, 1, "%H:00"), by_day[door].bars(days, 24, "%d %b")) for door in DOORS
        ],
        "hours": _numbers("Hour (UTC)", hours, 1, "%d %b %H:00", by_hour),
        "days": _numbers("Day (UTC)", days, 24, "%Y-%m-%d", by_day),
    }


def _counted(since: int, hours: int) -> dict[str, _Counts]:
    """By door, in stretches of so many hours."""
    found = {door: _Counts() for door in DOORS}
    counts = counting.by_time(counting.moment_of(since), events=figures.SIGN_INS, hours=hours)
    for (number, key), times in counts.items():
        door = found.get(figures.sign_in(key.event, key.flow, key.outcome))
        if door is not None:
            (door.down if key.outcome == figures.REFUSED else door.up)[number] += times
    return found


def _name(number: int, hours: int, form: str) -> str:
    return counting.moment_of(number * hours).strftime(form)


def _row(door: str, day: Sequence[Bar], month: Sequence[Bar]) -> dict[str, Any]:
    return {"door": DOORS[door], "day": _chart(door, "24 hours", day), "month": _chart(door, "30 days", month)}


def _chart(door: str, stretch: str, bars: Sequence[Bar]) -> dict[str, Any]:
    up, down = sum(bar.up for bar in bars), sum(bar.down for bar in bars)
    most = max((bar.up + bar.down for bar in bars), default=0)
    sentence = f"{DOORS[door]}, the last {stretch}: {up:,} signed in, {down:,} refused; at most {most:,} in one bar"
    picture: SafeString | str = charts.mirrored(bars, sentence) if most else ""
    return {"up": f"{up:,}", "down": f"{down:,}", "chart": picture, "first": bars[0].name, "last": bars[-1].name}


def _numbers(title: str, stretches: Sequence[int], hours: int, form: str, counts: dict[str, _Counts]) -> dict[str, Any]:
    """The newest first; doors at which nothing happened are left out."""
    doors = [door for door, found in counts.items() if found.up or found.down]
    rows = [
        [_name(number, hours, form), *(_cell(counts[door], number) for door in doors)] for number in reversed(stretches)
    ]
    return shown.table((title, *(DOORS[door] for door in doors)), rows)


def _cell(counts: _Counts, number: int) -> str:
    up, down = counts.up[number], counts.down[number]
    if not down:
        return f"{up:,}" if up else ""
    return f"{up:,}, refused {down:,}"
