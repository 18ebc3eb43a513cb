"""What every page of the administration shares."""

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts import visits, words
from accounts.admin import shown
from accounts.errors import Refusal
from accounts.models import User

_log = logging.getLogger("latchkey.admin")
_SECRETS = {"password", "digest", "code_mac"}
# What filters and links of these pages ask for. Never `regex`: SQLite's runs in Python and would stop the server.
_LOOKUPS = {"exact", "isnull", "gte", "gt", "lte", "lt", "year", "month", "day"}


class HouseAdmin(ModelAdmin):
    """A list whose changes are verbs of the house: nothing may be added, edited or deleted unless a class says so.

    Pages hold 50 rows, because a form may hold 100 fields (R41). The audit log is the one record of what was done, so
    Django's own log of changes stays empty.
    """

    list_per_page = list_max_show_all = 50
    empty_value_display = shown.NOTHING
    list_fullwidth = True
    can_add: ClassVar[bool] = False
    can_change: ClassVar[bool] = False
    can_delete: ClassVar[bool] = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Where the class allows it."""
        return self.can_add and bool(super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Where the class allows it."""
        return self.can_change and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Where the class allows it."""
        return self.can_delete and bool(super().has_delete_permission(request, obj))

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the rows' own actions (lock, revoke, end …) may be used: whoever could change the rows."""
        return bool(super().has_change_permission(request, obj))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """No filter may guess at a secret by its beginning, nor ask what these pages never ask."""
        parts = lookup.split("__")
        if _SECRETS & set(parts) or (len(parts) > 1 and parts[-1] not in _LOOKUPS):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without Django's own bulk delete: it goes past the verbs and names each row in its form."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; a refused action is told in words."""
        return self.in_words(request, super().changelist_view, request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page of a row; a refused change is told in words."""
        return self.in_words(request, super().changeform_view, request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The question before deleting; a refusal is told in words."""
        return self.in_words(request, super().delete_view, request, *args, **kwargs)

    def in_words(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The view's answer, or the same page again with the refusal in words."""
        try:
            return view(*args, **kwargs)
        except Refusal as refusal:
            if request.method != "POST":
                raise
            visits.note_refusal(refusal)
            self.message_user(request, words.of(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        except (ValueError, OverflowError) as error:  # a number that is none, or that no database holds
            _log.warning("unreadable request to the administration: %s", type(error).__name__)
            self.message_user(request, "That could not be read; here is the whole list.", messages.ERROR)
            return HttpResponseRedirect(self.list_url())

    def page(self, request: HttpRequest, title: str, **facts: Any) -> dict[str, Any]:
        """The context of a page of this list that is not Django's."""
        return {**self.admin_site.each_context(request), "model_admin": self, "title": title, **facts}

    def list_url(self) -> str:
        """The path of the list."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """See the class."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """See the class."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """See the class."""


def administrator(request: HttpRequest) -> User:
    """Who is at the keyboard; pages of the administration are for signed-in staff only."""
    assert isinstance(request.user, User)
    return request.user
