"""What the pages of a queue share in the administration: which tries failed, trying now, dropping."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action, display

from accounts import audit, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import HouseAdmin, administrator


class FailedFilter(admin.SimpleListFilter):
    """Whether a try failed already."""

    title = "tries"
    parameter_name = "failed"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Failed, or only waiting its turn."""
        return [("yes", "Failed at least once"), ("no", "Not failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of that kind."""
        match self.value():
            case "yes":
                return queryset.exclude(last_error="")
            case "no":
                return queryset.filter(last_error="")
        return queryset


class QueueAdmin(HouseAdmin):
    """Read-only but for two actions on one row or many. A row that is done is gone from here."""

    noun: str
    gone: str
    """What is told of a row that is done."""
    drop_warning: str
    ordering = ("created_at", "pk")
    actions: ClassVar = ("try_chosen", "drop_chosen")
    actions_detail = ("try_row", "drop_row")
    since_column = shown.moment_column("created_at", "Since")
    next_column = shown.moment_column("due_at", "Next try")

    def hasten(self, chosen: QuerySet[Any]) -> int:
        """Makes the rows due now; answers how many."""
        raise NotImplementedError

    def drop(self, chosen: QuerySet[Any], *, actor: audit.Actor) -> int:
        """Gives the rows up; answers how many."""
        raise NotImplementedError

    def told(self, row: Any) -> str:
        """A row in the question whether to drop it."""
        return str(row)

    @action(description="Try the chosen now", permissions=["act"])
    def try_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Does not ask: it changes nothing but the moment."""
        self._try(request, queryset)

    @action(description="Try now", url_path="try", icon="send", permissions=["act"])
    def try_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
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

    @action(description="Drop the chosen", permissions=["act"])
    def drop_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Asks, then drops them."""
        if is_confirmed(request):
            self._drop(request, queryset)
            return None
        total = queryset.count()
        question = Question(
            f"Drop {words.count(total, self.noun)}",
            "Drop",
            request.get_full_path(),
            [self.drop_warning],
            items=[shown.text(self.told(row), 320) for row in queryset[:MOST_SHOWN]],
            total=total,
            hidden=chosen_rows(request),
            grave=True,
        )
        return ask(self, request, question)

    @action(description="Drop", url_path="drop", icon="delete", permissions=["act"])
    def drop_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then drops it."""
        chosen = self._one(request, object_id)
        found = chosen.first()
        if found is None:
            return self._gone(request)
        if is_confirmed(request):
            self._drop(request, chosen)
            return HttpResponseRedirect(self.list_url())
        warning = [self.drop_warning]
        return ask(self, request, Question(f"Drop: {found}", "Drop", shown.change_url(found), warning, grave=True))

    def _one(self, request: HttpRequest, object_id: str) -> QuerySet[Any]:
        found: QuerySet[Any] = self.get_queryset(request)
        return found.filter(pk=int(object_id) if object_id.isdecimal() else -1)

    def _gone(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, self.gone, messages.WARNING)
        return HttpResponseRedirect(self.list_url())

    def _try(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        count = self.hasten(chosen.order_by())
        self.message_user(request, f"{words.count(count, self.noun)} will be tried now.", messages.SUCCESS)

    def _drop(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        count = self.drop(chosen.order_by(), actor=administrator(request))
        self.message_user(request, f"{words.count(count, self.noun)} dropped.", messages.SUCCESS)

    @display(description="Last error", ordering="last_error")
    def error(self, row: Any) -> str:
        """What went wrong the last time."""
        return shown.text(row.last_error)
