"""What the house notes for itself: audit, notices to sockets, limits, jobs."""

from typing import Any, ClassVar

from django.db import models

from accounts import clock
from accounts.models.people import Flow


class Revision(models.Model):
    """How often something changed, so that other processes notice (`policy.changed`)."""

    name = models.CharField(max_length=32, primary_key=True)
    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class TurnedSwitch(models.Model):
    """A switch that an administrator has turned: its position goes before the setting's (`switches`)."""

    name = models.CharField(max_length=64, primary_key=True)
    position = models.CharField(max_length=32)
    turned_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = "switch"
        verbose_name_plural = "switches"

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"


class AuditEvent(models.Model):
    """What happened, append-only (R50). Never a secret."""

    class Outcome(models.TextChoices):
        """How it ended."""

        SUCCESS = "success"
        REFUSED = "refused"

    at = models.DateTimeField(default=clock.now, db_index=True)
    event = models.CharField(max_length=64, db_index=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.SUCCESS)
    reason = models.CharField(max_length=64, blank=True)
    flow = models.CharField("door", max_length=16, blank=True, choices=Flow.choices)
    actor = models.CharField(max_length=255, blank=True)
    subject = models.CharField(max_length=320, blank=True, db_index=True)
    ip = models.GenericIPAddressField("address", null=True, blank=True)
    request_id = models.CharField(max_length=32, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = "audit event"
        indexes: ClassVar[list[models.Index]] = [  # who guesses is asked of the latest refusals alone
            models.Index(fields=["-at"], condition=models.Q(outcome="refused"), name="refused_events")
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.outcome}"


class Notice(models.Model):
    """Something live sockets of every process must hear, written in the transaction that caused it (`hub.close`)."""

    group = models.CharField(max_length=99)
    event = models.CharField(max_length=64)
    data: Any = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, db_index=True)


class Allowance(models.Model):
    """A spent allowance of `throttle`, kept so that it survives a restart without Redis (R40)."""

    key = models.CharField(max_length=160, primary_key=True)
    full_at = models.FloatField()  # unix seconds at which the bucket is full again


class Lease(models.Model):
    """Which process does a background job; taken by one conditional UPDATE."""

    job = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField()


class QueuedMail(models.Model):
    """A mail that waits to be sent; the row goes when the mail is gone.

    `sealed` is encrypted under the server's key: a mail may hold a link that opens something (R7).
    """

    recipient = models.EmailField(max_length=254)
    template = models.CharField(max_length=64)
    sealed = models.BinaryField(editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    due_at = models.DateTimeField(default=clock.now, db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "queued mail"

    def __str__(self) -> str:
        return f"{self.template} {self.pk}"
