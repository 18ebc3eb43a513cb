"""The audit log: read-only, searched, filtered, downloaded (R50)."""

import json

from django.contrib import admin
from django.http import HttpRequest, StreamingHttpResponse
from unfold.decorators import action, display

from accounts import audit
from accounts.admin import csv_stream, shown
from accounts.admin.audit_days import EventsByDay
from accounts.admin.base import administrator
from accounts.admin.filtered import FilteredExport
from accounts.models import AuditEvent

_COLUMNS = ("at", "event", "outcome", "reason", "flow", "actor", "subject", "ip", "request_id", "facts")


@admin.register(AuditEvent)
class AuditEventAdmin(FilteredExport):
    """What happened. Nobody adds, edits or deletes here; old events go by themselves."""

    list_display = ("moment", "event", "shown_outcome", "reason", "flow", "shown_actor", "shown_subject", "ip")
    list_display_links = ("moment", "event")
    list_filter = ("outcome", "flow", ("event", admin.AllValuesFieldListFilter), "at")
    search_fields = ("subject", "actor", "ip")
    search_help_text = "Subject, actor or address"
    date_hierarchy = "at"
    ordering = ("-pk",)
    actions_list = ("export",)
    fields = (
        "moment",
        "event",
        "shown_outcome",
        "reason",
        "flow",
        "whole_actor",
        "whole_subject",
        "ip",
        "request_id",
        "shown_facts",
    )

    def get_queryset(self, request: HttpRequest) -> EventsByDay:
        """With dates that are quickly found."""
        return EventsByDay(AuditEvent).order_by("-pk")

    @action(description="Download CSV", url_path="export", icon="download")
    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """What the filters leave, all pages of it."""
        asked = request.GET.urlencode()[:500]
        audit.record_or_fail("audit-exported", actor=administrator(request), facts={"filter": asked})
        return csv_stream.answer("audit.csv", _COLUMNS, self.filtered(request), _cells)

    @display(description="When", ordering="pk")
    def moment(self, event: AuditEvent) -> str:
        """To the second."""
        return event.at.strftime("%Y-%m-%d %H:%M:%S")

    @display(description="Outcome", ordering="outcome", label={"success": "success", "refused": "danger"})
    def shown_outcome(self, event: AuditEvent) -> str:
        """How it ended."""
        return event.outcome

    @display(description="Actor", ordering="actor")
    def shown_actor(self, event: AuditEvent) -> str:
        """Who did it."""
        return _name(event.actor)

    @display(description="Subject", ordering="subject")
    def shown_subject(self, event: AuditEvent) -> str:
        """To whom."""
        return _name(event.subject)

    @display(description="Actor")
    def whole_actor(self, event: AuditEvent) -> str:
        """Who did it, whole."""
        return shown.text(event.actor, 255)

    @display(description="Subject")
    def whole_subject(self, event: AuditEvent) -> str:
        """To whom, whole."""
        return shown.text(event.subject, 320)

    @display(description="Facts")
    def shown_facts(self, event: AuditEvent) -> str:
        """What else was noted."""
        if not event.facts:
            return shown.NOTHING
        return shown.block(json.dumps(event.facts, indent=2, ensure_ascii=False, sort_keys=True))


def _name(value: str) -> str:
    return shown.code(value) if len(value) >= 40 and value.isalnum() else shown.text(value)


def _cells(event: AuditEvent) -> list[object]:
    facts = json.dumps(event.facts, ensure_ascii=False, sort_keys=True) if event.facts else ""
    return [
        event.at.isoformat(),
        event.event,
        event.outcome,
        event.reason,
        event.flow,
        event.actor,
        event.subject,
        event.ip,
        event.request_id,
        facts,
    ]
