"""What making an account may ask for: registration tokens, accepted documents (matrix.md §5, §7)."""

from typing import ClassVar

from django.db import models

from accounts import clock
from accounts.models.people import User
from accounts.models.secrets_issued import Challenge


class RegistrationToken(models.Model):
    """Lets somebody make an account while `REGISTRATION` is `token`. The text is kept in clear: administrators hand
    it out again, and it opens no account (matrix.md §5)."""

    token = models.CharField(max_length=64, unique=True)
    uses_allowed = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: any number.")
    completed = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField("until", null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    note = models.CharField(max_length=500, blank=True)
    author = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "registration token"

    def __str__(self) -> str:
        return self.token


class PendingRegistration(models.Model):
    """A use of a registration token that is held for a registration in progress, while that one's challenge lives."""

    token = models.ForeignKey(RegistrationToken, models.CASCADE, related_name="pending")
    challenge = models.OneToOneField(Challenge, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"registration {self.challenge_id}"


class AcceptedDocument(models.Model):
    """Which version of which document a person accepted, and when."""

    user = models.ForeignKey(User, models.CASCADE, related_name="accepted_documents")
    document = models.CharField(max_length=128)
    version = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "accepted document"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "document", "version"], name="accepted_once")
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.version}"
