"""Accounts that several addresses fail with. Nothing locks them: that would do the attacker's work (R38)."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import display

from accounts import guessers
from accounts.admin import shown
from accounts.admin.base import HouseAdmin
from accounts.mail_content import in_words
from accounts.models import AttackedAccount


class AttackFilter(admin.SimpleListFilter):
    """Without a choice: accounts that several addresses fail with."""

    title = "addresses"
    parameter_name = "addresses"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What else may be seen."""
        return [("alert", "Alert raised"), ("all", "All that were tried")]

    def choices(self, changelist: Any) -> Any:
        """The list's own names; the first says what is seen without a choice."""
        for number, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "Several"} if number == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[AttackedAccount]) -> QuerySet[AttackedAccount]:
        """The rows of that kind."""
        match self.value():
            case "alert":
                return queryset.exclude(alerted_at=None)
            case "all":
                return queryset
        return queryset.filter(Q(address_count__gte=settings.ATTACKED_ACCOUNT_ADDRESSES / 2) | ~Q(alerted_at=None))


@admin.register(AttackedAccount)
class AttackedAccountAdmin(HouseAdmin):
    """Read-only; the guessers themselves are on a page of their own."""

    list_display = ("who", "address_count", "count", "since_column", "last_column", "state")
    list_filter = (AttackFilter,)
    list_before_template = "admin/accounts/attacked_about.html"
    search_fields = ("name",)
    search_help_text = "Name or mail address, as it was tried"
    ordering = ("-last_at", "-pk")
    fields = (
        "whole_name",
        "account",
        "state",
        "alert_column",
        "address_count",
        "every_address",
        "count",
        "since_column",
        "last_column",
        "log",
    )
    since_column = shown.moment_column("window_at", "Since")
    last_column = shown.moment_column("last_at", "Last failure")
    alert_column = shown.moment_column("alerted_at", "Alert raised")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; above it, what raises an alert."""
        about = {
            "addresses": settings.ATTACKED_ACCOUNT_ADDRESSES,
            "window": in_words(settings.GUESSER_RATE.seconds),
        }
        return super().changelist_view(request, {**(extra_context or {}), **about})

    @display(description="Account", ordering="name")
    def who(self, row: AttackedAccount) -> str:
        """As it was tried."""
        return shown.name(row.name)

    @display(description="Name, as it was tried")
    def whole_name(self, row: AttackedAccount) -> str:
        """From end to end."""
        return shown.text(row.name, 320)

    @display(description="Account")
    def account(self, row: AttackedAccount) -> str:
        """Whose it is."""
        found = guessers.account_named(row.name)
        return shown.account(found) if found else "nobody's"

    @display(description="State", label={"alert raised": "danger", "counted": "default"})
    def state(self, row: AttackedAccount) -> str:
        """Whether administrators were told."""
        return "alert raised" if row.alerted_at else "counted"

    @display(description="Addresses")
    def every_address(self, row: AttackedAccount) -> str:
        """From where, with numbers; of many only the first ones are told."""
        return shown.counted(shown.with_rest(row.addresses, "others"))

    @display(description="Audit log")
    def log(self, row: AttackedAccount) -> str:
        """What else is known of it."""
        url = reverse("admin:accounts_auditevent_changelist")
        return shown.anchor(f"{url}?{urlencode({'q': row.name})}", "events of this name")
