"""Numbers that outlive a process, for the first page of the administration and for `/metrics` (docs/monitoring.md)."""

from typing import Any, ClassVar

from django.db import models

from accounts import clock


class HourlyCount(models.Model):
    """How often an event of the audit log happened within an hour, a number of hours since 1970 (UTC): made by
    `counting`, so that the first page reads little however long the log is; kept longer, because it names nobody."""

    hour = models.PositiveIntegerField()
    event = models.CharField(max_length=64)
    flow = models.CharField(max_length=16, blank=True)
    outcome = models.CharField(max_length=8)
    reason = models.CharField(max_length=64, blank=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["hour", "event", "flow", "outcome", "reason"], name="one_count_of_an_hour")
        ]

    def __str__(self) -> str:
        return f"{self.hour} {self.event} {self.outcome} {self.count}"


class StoredFigures(models.Model):
    """Numbers that cost too much to be asked for with each look, as they were at `at`."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField(default=clock.now)
    numbers: Any = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class JobState(models.Model):
    """When a background job ran last, in whichever process, and how that ended."""

    job = models.CharField(max_length=32, primary_key=True)
    ran_at = models.DateTimeField(default=clock.now)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0.0)
    failures = models.PositiveBigIntegerField(default=0)
    failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=100, blank=True)
    holder = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.job


class ServerProcess(models.Model):
    """A process that serves, and what it holds; it says so every few seconds."""

    name = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(default=clock.now)
    sockets: Any = models.JSONField(default=dict)
    memory = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
