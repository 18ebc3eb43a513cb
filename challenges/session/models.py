"""State of this flow only: who moderates (session-open-group.md §6)."""

from django.db import models

from accounts import clock
from accounts.models import CANONICAL_KEY_LENGTH


class Moderator(models.Model):
    """A key with moderator rights; it may be named before it ever logs in."""

    public_key = models.CharField("Session key", max_length=CANONICAL_KEY_LENGTH, unique=True)
    channels = models.CharField(
        max_length=200, blank=True, help_text="Channel numbers with commas between; empty: global moderator."
    )
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return self.public_key

    @property
    def is_global(self) -> bool:
        """Whether the key moderates everything."""
        return not self.channels
