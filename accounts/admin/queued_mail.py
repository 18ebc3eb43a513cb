"""Mails that wait: why one did not go yet, trying it now, giving it up. What a mail says is sealed (docs/mail.md)."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action, display

from accounts import mail, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.models import QueuedMail


class FailedFilter(admin.SimpleListFilter):
    """Whether a try failed already."""

    title = "tries"
    parameter_name = "failed"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Failed, or only waiting its turn."""
        return [("yes", "Failed at least once"), ("no", "Not failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[QueuedMail]) -> QuerySet[QueuedMail]:
        """The mails of that kind."""
        match self.value():
            case "yes":
                return queryset.exclude(last_error="")
            case "no":
                return queryset.filter(last_error="")
        return queryset


@admin.register(QueuedMail)
class QueuedMailAdmin(HouseAdmin):
    """Read-only; a mail that is gone is gone from here."""

    list_display = ("to", "template", "since_column", "tries", "error", "next_column", "end_column")
    list_filter = (FailedFilter, ("template", admin.AllValuesFieldListFilter))
    search_fields = ("recipient",)
    search_help_text = "Recipient"
    ordering = ("created_at", "pk")
    fields = ("recipient", "template", "since_column", "tries", "error", "next_column", "end_column")
    actions: ClassVar = ("try_chosen", "drop_chosen")
    actions_detail = ("try_mail", "drop_mail")
    since_column = shown.moment_column("created_at", "Since")
    next_column = shown.moment_column("due_at", "Next try")
    end_column = shown.moment_column("expires_at", "Given up")

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueuedMail]:
        """Without what the mails say."""
        queryset: QuerySet[QueuedMail] = super().get_queryset(request)
        return queryset.defer("sealed")

    @action(description="Try the chosen mails now", permissions=["act"])
    def try_chosen(self, request: HttpRequest, queryset: QuerySet[QueuedMail]) -> None:
        """Does not ask: it changes nothing but the moment."""
        self._try(request, queryset)

    @action(description="Try now", url_path="try", icon="send", permissions=["act"])
    def try_mail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, because following a link must do nothing."""
        chosen = self._one(request, object_id)
        found = chosen.first()
        if found is None:
            return self._gone(request)
        if is_confirmed(request):
            self._try(request, chosen)
            return HttpResponseRedirect(self.list_url())
        text = ["The server takes it up at once instead of waiting for the next try."]
        return ask(self, request, Question(f"Try now: {found}", "Try now", shown.change_url(found), text))

    @action(description="Drop the chosen mails", permissions=["act"])
    def drop_chosen(self, request: HttpRequest, queryset: QuerySet[QueuedMail]) -> HttpResponse | None:
        """Asks, then drops them."""
        if is_confirmed(request):
            self._drop(request, queryset)
            return None
        total = queryset.count()
        question = Question(
            f"Drop {words.count(total, 'mail')}",
            "Drop",
            request.get_full_path(),
            ["They will not be sent. This cannot be undone."],
            items=[shown.text(f"{one.template} to {one.recipient}", 320) for one in queryset[:MOST_SHOWN]],
            total=total,
            hidden=chosen_rows(request),
            grave=True,
        )
        return ask(self, request, question)

    @action(description="Drop", url_path="drop", icon="delete", permissions=["act"])
    def drop_mail(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then drops it."""
        chosen = self._one(request, object_id)
        found = chosen.first()
        if found is None:
            return self._gone(request)
        if is_confirmed(request):
            self._drop(request, chosen)
            return HttpResponseRedirect(self.list_url())
        text = ["It will not be sent. This cannot be undone."]
        return ask(self, request, Question(f"Drop: {found}", "Drop", shown.change_url(found), text, grave=True))

    def _one(self, request: HttpRequest, object_id: str) -> QuerySet[QueuedMail]:
        return self.get_queryset(request).filter(pk=int(object_id) if object_id.isdecimal() else -1)

    def _gone(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, "The mail is gone already.", messages.WARNING)
        return HttpResponseRedirect(self.list_url())

    def _try(self, request: HttpRequest, chosen: QuerySet[QueuedMail]) -> None:
        count = mail.hasten(chosen.order_by())
        self.message_user(request, f"{words.count(count, 'mail')} will be tried now.", messages.SUCCESS)

    def _drop(self, request: HttpRequest, chosen: QuerySet[QueuedMail]) -> None:
        count = mail.drop(chosen.order_by(), actor=administrator(request))
        self.message_user(request, f"{words.count(count, 'mail')} dropped.", messages.SUCCESS)

    @display(description="To", ordering="recipient")
    def to(self, queued: QueuedMail) -> str:
        """Whom it is for."""
        return shown.text(queued.recipient, 60)

    @display(description="Last error", ordering="last_error")
    def error(self, queued: QueuedMail) -> str:
        """The class of the last failure."""
        return shown.text(queued.last_error)
