"""What OAuth remembers beside tokens and challenges: programs, blocked hosts, device grants, signing keys."""

from typing import Any, ClassVar

from django.db import models

from accounts import clock
from accounts.models import Challenge, User


class Client(models.Model):
    """A program that registered itself. Its metadata is what it said; only hosts can be believed (qr-login.md §7.2).

    `digest` finds the registration of the same metadata again; confidential programs have none, but a secret of
    256 bits, kept by its digest.
    """

    client_id = models.CharField(max_length=64, unique=True)
    digest = models.BinaryField(max_length=32, unique=True, null=True, blank=True, editable=False)
    secret_digest = models.BinaryField(max_length=32, null=True, blank=True, editable=False)
    host = models.CharField(max_length=255, db_index=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(default=clock.now, db_index=True, editable=False)
    blocked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "OAuth client"

    def __str__(self) -> str:
        return f"{self.name or self.client_id} ({self.host})"

    @property
    def name(self) -> str:
        """What it calls itself."""
        said: dict[str, Any] = self.metadata
        return str(said.get("client_name", ""))


class ClientHost(models.Model):
    """A host that a program names: its own, or one that it sends people to."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="hosts")
    host = models.CharField(max_length=255, db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["client", "host"], name="oauth_one_host_of_a_client")
        ]

    def __str__(self) -> str:
        return self.host


class BlockedHost(models.Model):
    """A host whose programs, and those of the hosts below it, are not served."""

    host = models.CharField(max_length=255, unique=True)
    note = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "blocked client host"

    def __str__(self) -> str:
        return self.host


class DeviceGrant(models.Model):
    """What a device grant needs beside its challenge: the user code's HMAC, and the interval it has come to.

    `undecided_until` is empty once somebody decided; by it and the address the waiting ones are counted.
    """

    challenge = models.OneToOneField(Challenge, models.CASCADE, related_name="device_grant")
    user_code_mac = models.BinaryField(max_length=32, unique=True, editable=False)
    interval = models.PositiveIntegerField(default=5)
    address = models.CharField(max_length=64, blank=True)
    undecided_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "device grant"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["address", "undecided_until"], name="oauth_undecided_of_an_address")
        ]

    def __str__(self) -> str:
        return f"device grant {self.challenge_id}"


class SigningKey(models.Model):
    """A key of ID tokens. `number` counts rotations, so that of two processes one makes the next key."""

    kid = models.CharField(max_length=64, unique=True)
    number = models.PositiveIntegerField(unique=True)
    sealed = models.TextField(editable=False)
    public = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "signing key"

    def __str__(self) -> str:
        return self.kid
