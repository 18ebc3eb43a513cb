"""What was issued, by digest only (R7): tokens, and secrets good for one thing once (R15–R17)."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models.people import Device, Flow, User


class Token(models.Model):
    """A secret that opens something, by its digest only. The flow mints the text (architecture.md §3).

    `family` ties all descendants of one login. `parent` is the refresh token that made this token, `successor` the
    refresh token that replaced this one; `used_at` is the first use: of an access token it confirms that the client
    got the answer, of a refresh token it means spent (matrix.md §8).
    """

    class Kind(models.TextChoices):
        """What the token is good for; one kind never passes as another."""

        ACCESS = "access"
        REFRESH = "refresh"
        REMEMBERED = "remembered"
        BROWSER = "browser"  # a signed-in browser: lives in its session, opens nothing as a bearer

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    device = models.ForeignKey(Device, models.SET_NULL, null=True, blank=True, related_name="tokens")
    flow = models.CharField(max_length=16, choices=Flow.choices)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    family = models.UUIDField(default=uuid.uuid4, db_index=True, editable=False)
    credential = models.CharField("opened by", max_length=128, blank=True, db_index=True)
    client = models.CharField("OAuth client", max_length=64, blank=True, db_default="", default="")
    scope = models.CharField(max_length=1024, blank=True)
    amr = models.CharField("methods", max_length=64, blank=True)
    issued_at = models.DateTimeField(default=clock.now, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    idle_seconds = models.PositiveBigIntegerField(null=True, blank=True)
    idle_until = models.DateTimeField(null=True, blank=True, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_for = models.CharField(max_length=64, blank=True, editable=False)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="children")
    successor = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "revoked_at"], name="tokens_of_a_user"),
            # Partial: SQLite would else take "not revoked" for the narrowest condition and read every live token.
            models.Index(fields=["revoked_at"], name="tokens_by_end", condition=Q(revoked_at__isnull=False)),
            models.Index(fields=["expires_at"], name="tokens_by_expiry"),
            models.Index(fields=["idle_until"], name="tokens_by_idleness"),
            models.Index(fields=["client"], name="tokens_of_a_client"),
        ]

    def __str__(self) -> str:
        return f"{self.flow} {self.kind} token {self.pk}"


class Challenge(models.Model):
    """A single-use secret or question: lives and dies here by one conditional UPDATE (R15–R17).

    `purpose` says what it opens, `binding` whom it was issued to (R16), `code_mac` holds the HMAC of a short code.
    """

    flow = models.CharField(max_length=16, choices=Flow.choices)
    purpose = models.CharField(max_length=64)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="challenges")
    binding = models.CharField(max_length=512, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    code_mac = models.BinaryField(max_length=32, null=True, blank=True, editable=False)
    key_version = models.CharField(max_length=16, blank=True, editable=False)
    tries_left = models.PositiveIntegerField(default=0)
    ip = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "flow", "purpose"], name="challenges_of_a_user"),
        ]

    def __str__(self) -> str:
        return f"{self.flow} {self.purpose} {self.pk}"


class RecoveryCode(models.Model):
    """One of the codes that stand in for a lost second factor: an HMAC, good once (R9, R47)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    mac = models.BinaryField(max_length=32, unique=True, editable=False)
    key_version = models.CharField(max_length=16, blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class KeptKey(models.Model):
    """A key for one purpose, derived from a SECRET_KEY that is no more: what has no end was made with it (R31).

    `version` names that SECRET_KEY; `sealed` is under the one in force.
    """

    purpose = models.CharField(max_length=32)
    version = models.CharField(max_length=16)
    sealed = models.TextField(editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["purpose", "version"], name="kept_once")
        ]

    def __str__(self) -> str:
        return f"key {self.version} for {self.purpose}"
