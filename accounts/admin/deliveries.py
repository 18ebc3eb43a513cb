"""What happened, and which messages went out about it: sent again, or given up (docs/events.md)."""

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.decorators import action, display

from accounts import audit, deliveries, event_kinds, event_words
from accounts.admin import shown
from accounts.admin.base import HouseAdmin
from accounts.admin.queues import QueueAdmin
from accounts.models import Delivery, Happening

_SEVERITIES = {"information": "info", "warning": "warning", "critical": "danger"}


@admin.register(Delivery)
class DeliveryAdmin(QueueAdmin):
    """Read-only but for sending again and giving up. What was told stays listed until it is purged."""

    list_display = ("title", "to", "shown_severity", "count", "shown_state", "since_column", "tries", "error", "moment")
    list_filter = ("state", "severity", "kind", "subscription")
    list_select_related = ("subscription",)
    search_fields = ("number", "subscription__name")
    search_help_text = "Id or subscription"
    ordering = ("-created_at", "-pk")
    fields = (
        "number",
        "title",
        "to",
        "shown_severity",
        "shown_state",
        "count",
        "first_column",
        "last_column",
        "since_column",
        "tries",
        "error",
        "next_column",
        "end_column",
        "told_column",
        "said",
    )
    noun = "message"
    gone = "The message is no longer kept."
    drop_warning = "What still waits is given up. It can be sent again later."
    first_column = shown.moment_column("first_at", "First event")
    last_column = shown.moment_column("last_at", "Last event")
    end_column = shown.moment_column("expires_at", "Given up")
    told_column = shown.moment_column("told_at", "Told")

    def hasten(self, chosen: QuerySet[Delivery]) -> int:
        """By the verb."""
        return deliveries.again(chosen)

    def drop(self, chosen: QuerySet[Delivery], *, actor: audit.Actor) -> int:
        """By the verb."""
        return deliveries.drop(chosen, actor=actor)

    def told(self, row: Delivery) -> str:
        """What it is, and whom it is for."""
        return f"{_title(row.kind)} to {row.subscription}"

    actions: ClassVar = ("try_chosen", "drop_chosen")
    actions_detail = ("try_row", "drop_row")

    @action(description="Send the chosen now, or again", permissions=["act"])
    def try_chosen(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Does not ask: a receiver knows a second copy by its id."""
        super().try_chosen(request, queryset)

    @action(description="Send now, or again", url_path="try", icon="send", permissions=["act"])
    def try_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, because following a link must do nothing."""
        answer: HttpResponse = super().try_row(request, object_id)
        return answer

    @display(description="What", ordering="kind")
    def title(self, row: Delivery) -> str:
        """Its kind in words."""
        return _title(row.kind)

    @display(description="To", ordering="subscription__name")
    def to(self, row: Delivery) -> str:
        """Whom it is for."""
        name = format_html('<span class="short">{}</span>', shown.text(row.subscription, 30))
        return shown.link(row.subscription, name)

    @display(description="Severity", ordering="severity", label=_SEVERITIES)
    def shown_severity(self, row: Delivery) -> str:
        """How much it matters."""
        return row.get_severity_display()

    @display(description="State", ordering="state", label={"told": "success", "waiting": "info", "given up": "danger"})
    def shown_state(self, row: Delivery) -> str:
        """What became of it."""
        return row.get_state_display()

    @display(description="Told, or next try", ordering="due_at")
    def moment(self, row: Delivery) -> str:
        """When it went, or will be tried."""
        next_try = max(row.due_at, row.subscription.resumes_at or row.due_at)
        at = {Delivery.State.TOLD: row.told_at, Delivery.State.WAITING: next_try}.get(Delivery.State(row.state))
        return format_html('<span class="moment">{}</span>', shown.moment(at))

    @display(description="What it says")
    def said(self, row: Delivery) -> str:
        """The JSON of a webhook; a mail says the same in sentences."""
        return shown.block(json.dumps(deliveries.message(row), indent=2, ensure_ascii=False))


@admin.register(Happening)
class HappeningAdmin(HouseAdmin):
    """Read-only: every event that somebody could have subscribed to."""

    list_display = ("at_column", "title", "shown_severity", "words")
    list_display_links = ("at_column", "title")
    list_filter = ("severity", "kind")
    search_fields = ("subject", "actor")
    search_help_text = "Subject or actor"
    ordering = ("-pk",)
    fields = ("at_column", "title", "shown_severity", "words", "shown_facts")
    at_column = shown.moment_column("at", "When")

    @display(description="What", ordering="kind")
    def title(self, row: Happening) -> str:
        """Its kind in words."""
        return _title(row.kind)

    @display(description="Severity", ordering="severity", label=_SEVERITIES)
    def shown_severity(self, row: Happening) -> str:
        """How much it matters."""
        return str(row.get_severity_display())

    @display(description="In words")
    def words(self, row: Happening) -> str:
        """As it is told."""
        return shown.text(event_words.sentence(row), 400)

    @display(description="Facts")
    def shown_facts(self, row: Any) -> str:
        """What else was noted."""
        return shown.block(json.dumps(row.facts, indent=2, ensure_ascii=False, sort_keys=True))


def _title(kind: str) -> str:
    found = event_kinds.ALL.get(kind)
    return found.title if found else kind
