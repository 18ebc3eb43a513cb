"""Who guesses at secrets, and what administrators are told of by mail or webhook (docs/events.md)."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models.lists import AccessRule
from accounts.models.people import User


class Guesser(models.Model):
    """Wrong secrets that came from one address or one network within a window; verbs are in `guessers`.

    `rule` is the deny that keeps it out, or the last one that did; whoever deletes the rule lifts the block.
    `doors` and `accounts` count by name, `addresses` (of a network) by address; of many only the first are named.
    """

    class Kind(models.TextChoices):
        """How far it reaches."""

        ADDRESS = "address", "address"
        NETWORK = "network", "network"

    network = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    window_at = models.DateTimeField("since", default=clock.now)
    last_at = models.DateTimeField("last failure", default=clock.now, db_index=True)
    count = models.PositiveIntegerField("failures", default=0)
    total = models.PositiveBigIntegerField("failures ever", default=0)
    doors = models.JSONField(default=dict, blank=True)
    accounts = models.JSONField(default=dict, blank=True)
    addresses = models.JSONField(default=dict, blank=True)
    spent = models.PositiveBigIntegerField(default=0, editable=False)  # of the weight: led to a block, or was lifted
    blocks = models.PositiveIntegerField("times blocked", default=0)
    blocked_at = models.DateTimeField(null=True, blank=True)
    rule = models.ForeignKey(AccessRule, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)

    class Meta:
        verbose_name = "guesser"

    def __str__(self) -> str:
        return self.network


class AttackedAccount(models.Model):
    """Wrong secrets for one claimed name within a window, by address. The account is never locked for it (R38)."""

    name = models.CharField(max_length=320, unique=True)
    window_at = models.DateTimeField("since", default=clock.now)
    last_at = models.DateTimeField("last failure", default=clock.now, db_index=True)
    count = models.PositiveIntegerField("failures", default=0)
    addresses = models.JSONField(default=dict, blank=True)
    address_count = models.PositiveIntegerField("addresses", default=0)
    alerted_at = models.DateTimeField("alert raised", null=True, blank=True)

    class Meta:
        verbose_name = "attacked account"

    def __str__(self) -> str:
        return self.name


class ExemptNetwork(models.Model):
    """A network that is never blocked by itself, named by an administrator; others are settings."""

    network = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "exempt network"

    def __str__(self) -> str:
        return self.network


class Severity(models.TextChoices):
    """How much something matters, the least first."""

    INFO = "info", "information"
    WARNING = "warning", "warning"
    CRITICAL = "critical", "critical"


class Happening(models.Model):
    """Something an administrator may want to hear of, written in the transaction in which it happened.

    `spread_at` is set when every subscription that wants it has its delivery.
    """

    kind = models.CharField(max_length=40, db_index=True)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    at = models.DateTimeField(default=clock.now, db_index=True)
    subject = models.CharField(max_length=320, blank=True)
    actor = models.CharField(max_length=255, blank=True)
    ip = models.GenericIPAddressField("address", null=True, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    spread_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "event"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["id"], condition=Q(spread_at=None), name="happenings_to_spread")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject[:60]}".strip()


class Subscription(models.Model):
    """Who is told of what, and how. The key of a webhook's signatures is sealed; verbs are in `subscriptions`."""

    class Channel(models.TextChoices):
        """How it is told."""

        MAIL = "mail", "mail"
        WEBHOOK = "webhook", "webhook"

    name = models.CharField(max_length=100)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    target = models.CharField(max_length=2000)
    sealed_secret = models.TextField(blank=True, editable=False)
    least_severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.WARNING)
    kinds = models.JSONField(default=list, blank=True)  # empty: every kind
    enabled = models.BooleanField(default=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    failures = models.PositiveIntegerField("failed in a row", default=0, editable=False)
    resumes_at = models.DateTimeField(null=True, blank=True, editable=False)
    told_at = models.DateTimeField("last told", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "subscription"

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One message to one subscription: an event, or several equal ones of a moment, the first of them in `events`."""

    class State(models.TextChoices):
        """What became of it."""

        WAITING = "waiting", "waiting"
        TOLD = "told", "told"
        DEAD = "dead", "given up"

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="deliveries")
    number = models.CharField("id", max_length=40, unique=True, editable=False)
    kind = models.CharField(max_length=40)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    count = models.PositiveIntegerField("events", default=1)
    events = models.JSONField(default=list)
    first_at = models.DateTimeField(default=clock.now)
    last_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(default=clock.now, db_index=True)
    due_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="deliveries_waiting"),
            models.Index(fields=["subscription", "kind", "-created_at"], name="deliveries_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.subscription}"


class Condition(models.Model):
    """Something that is not well, watched by one process: told once when it lasts, and once when it is over."""

    name = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField(default=clock.now)
    told_at = models.DateTimeField(null=True, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.name
