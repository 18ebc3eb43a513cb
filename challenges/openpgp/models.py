"""State of this flow only: invitations, who blocks whom, who is connected (laverna.md §5, §6)."""

from typing import ClassVar

from django.db import models

from accounts import clock
from accounts.models import Device, User


class Invite(models.Model):
    """One person's pending invitation of another; there is one of a pair at the most.

    `fingerprint` is of the key that signed it: an invitation is worth as much as that key. `shown_at` is when its
    recipient was last told of it while connected.
    """

    sender = models.ForeignKey(User, models.CASCADE, related_name="invites_sent")
    recipient = models.ForeignKey(User, models.CASCADE, related_name="invites_pending")
    fingerprint = models.CharField("signed by", max_length=64)
    signature = models.TextField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    shown_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "pending invite"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["sender", "recipient"], name="one_invite_of_a_pair")
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["created_at"], name="invites_by_age")]

    def __str__(self) -> str:
        return f"{self.sender} invites {self.recipient}"


class Contact(models.Model):
    """What is left of an invitation that its recipient took off the list.

    The protocol has no word for "accepted": the application removes an invitation in either case, and turns to who
    sent it only when its person accepts. That moment is `accepted_at`.
    """

    inviter = models.ForeignKey(User, models.CASCADE, related_name="+")
    invitee = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["inviter", "invitee"], name="one_contact_of_a_pair")
        ]

    def __str__(self) -> str:
        return f"contact {self.pk}"


class BlockedSender(models.Model):
    """Somebody from whom somebody wants to hear nothing."""

    owner = models.ForeignKey(User, models.CASCADE, related_name="blocked_senders", verbose_name="blocked by")
    sender = models.ForeignKey(User, models.CASCADE, related_name="blocked_by", verbose_name="blocked")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "blocked sender"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["owner", "sender"], name="blocked_once")
        ]

    def __str__(self) -> str:
        return f"{self.owner} blocks {self.sender}"


class Presence(models.Model):
    """A signaling socket that is open, in whichever process. Believed while `seen_at` is fresh."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    process = models.CharField(max_length=64, db_index=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    connected_at = models.DateTimeField(default=clock.now, editable=False)
    seen_at = models.DateTimeField("last seen", default=clock.now, editable=False)

    class Meta:
        verbose_name = "open socket"
        verbose_name_plural = "connected now"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["seen_at"], name="presence_by_age")]

    def __str__(self) -> str:
        return f"{self.user} on {self.device}"
