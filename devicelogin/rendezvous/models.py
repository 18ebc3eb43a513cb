"""Rendezvous sessions that the database holds, and how many there are.

Rows of sessions are deleted when they are over: there is no history (qr-login.md §2.8).
"""

from typing import ClassVar

from django.db import models

from accounts.models import User
from devicelogin.rendezvous.protocol import Form


class RendezvousSession(models.Model):
    """One slot. Moments are unix milliseconds: comparing whole numbers is what the hot routes do. No index that is not
    needed: each is one more page to write. Rows end in the order in which they were made, or nearly.

    `digest` is SHA-256 of the id, because whoever knows an id may write there (R7). `address` is the creator's as
    limits know it: IPv6 by its /64.
    """

    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    form = models.CharField(max_length=4, choices=[(form.value, f"MSC{form}") for form in Form])
    token = models.CharField(max_length=64, editable=False)
    previous = models.CharField(max_length=64, blank=True, editable=False)
    writes = models.PositiveIntegerField(default=0)
    created_ms = models.BigIntegerField()
    written_ms = models.BigIntegerField()
    expires_ms = models.BigIntegerField()
    address = models.CharField(max_length=64, blank=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    data = models.BinaryField(editable=False)  # last: whoever looks for the others does not read past it

    class Meta:
        verbose_name = "rendezvous session"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["address", "expires_ms"], name="rendezvous_of_an_address"),
            models.Index(
                fields=["user", "expires_ms"], name="rendezvous_of_a_user", condition=models.Q(user__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_form_display()} session {self.pk}"


class LiveCount(models.Model):
    """How many sessions end within the ten seconds before `until` (unix seconds), so that nobody counts them all."""

    until = models.BigIntegerField(primary_key=True)
    number = models.IntegerField(default=0)
