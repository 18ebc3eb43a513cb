"""The one clock. Every moment in the house is an aware datetime in UTC from here; tests move this clock."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def after(seconds: float, moment: datetime | None = None) -> datetime:
    """The moment `seconds` after `moment` (default: now)."""
    return (moment or now()) + timedelta(seconds=seconds)
