"""Mails that wait: why one did not go yet, trying it now, giving it up. What a mail says is sealed (docs/mail.md)."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts import audit, mail
from accounts.admin import shown
from accounts.admin.queues import FailedFilter, QueueAdmin
from accounts.models import QueuedMail


@admin.register(QueuedMail)
class QueuedMailAdmin(QueueAdmin):
    """Read-only; a mail that is gone is gone from here."""

    list_display = ("to", "template", "since_column", "tries", "error", "next_column", "end_column")
    list_filter = (FailedFilter, ("template", admin.AllValuesFieldListFilter))
    search_fields = ("recipient",)
    search_help_text = "Recipient"
    fields = ("recipient", "template", "since_column", "tries", "error", "next_column", "end_column")
    noun = "mail"
    gone = "The mail is gone already."
    drop_warning = "It will not be sent. This cannot be undone."
    end_column = shown.moment_column("expires_at", "Given up")

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueuedMail]:
        """Without what the mails say."""
        queryset: QuerySet[QueuedMail] = super().get_queryset(request)
        return queryset.defer("sealed")

    def hasten(self, chosen: QuerySet[QueuedMail]) -> int:
        """By the verb."""
        return mail.hasten(chosen)

    def drop(self, chosen: QuerySet[QueuedMail], *, actor: audit.Actor) -> int:
        """By the verb."""
        return mail.drop(chosen, actor=actor)

    def told(self, row: QueuedMail) -> str:
        """What it is, and whom it is for."""
        return f"{row.template} to {row.recipient}"

    @display(description="To", ordering="recipient")
    def to(self, queued: QueuedMail) -> str:
        """Whom it is for."""
        return shown.text(queued.recipient, 60)
