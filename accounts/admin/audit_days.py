"""The dates above the audit log without reading the whole log.

Django asks for the distinct days of all rows, which costs a second for 100 000 events. An index finds the first event
after a moment at once, so the days are found by leaps.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AuditEvent


class EventsByDay(QuerySet[AuditEvent]):
    """Audit events whose dates cost one indexed look-up each."""

    def datetimes(self, field_name: str, kind: str, order: str = "ASC", tzinfo: Any = None) -> Any:
        """The days, months or years in which something happened, oldest first."""
        found: list[datetime] = []
        remaining = self.order_by(field_name)
        while (first := remaining.values_list(field_name, flat=True).first()) is not None:
            begin = _begin(timezone.localtime(first), kind)
            found.append(begin)
            remaining = self.order_by(field_name).filter(**{f"{field_name}__gte": _next(begin, kind)})
        return found


def _begin(moment: datetime, kind: str) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "day":
        return midnight
    return midnight.replace(day=1) if kind == "month" else midnight.replace(day=1, month=1)


def _next(begin: datetime, kind: str) -> datetime:
    return _begin(begin + timedelta(days={"day": 1, "month": 31}.get(kind, 366)), kind)
