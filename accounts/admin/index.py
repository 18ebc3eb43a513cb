"""The first page: how much there is, what is closed, what was refused lately."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from accounts import clock, tokens
from accounts.admin import shown
from accounts.models import AccessMode, AccessRule, AuditEvent, Flow, QueuedMail, User

_DAY = 86_400.0


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by unfold (UNFOLD["DASHBOARD_CALLBACK"])."""
    since = clock.after(-_DAY)
    living = tokens.live()
    refused = AuditEvent.objects.filter(at__gt=since, outcome=AuditEvent.Outcome.REFUSED)
    figures = [
        _figure("Accounts", User.objects.filter(deactivated_at=None).count(), "accounts_user"),
        _figure("Live tokens", living.count(), "accounts_token"),
        _figure("Access rules", AccessRule.objects.filter(enabled=True).count(), "accounts_accessrule"),
        _figure("Refused in a day", refused.count(), "accounts_auditevent", "?outcome__exact=refused"),
    ]
    if failed := QueuedMail.objects.exclude(last_error="").count():
        figures.append(_figure("Mails that failed so far", failed, "accounts_queuedmail", "?failed=yes"))
    return {**context, "title": "Overview", "figures": figures, "doors": _doors(), "events": _events()}


def _figure(label: str, number: int, model: str, query: str = "") -> dict[str, Any]:
    return {"label": label, "number": number, "url": reverse(f"admin:{model}_changelist") + query}


def _doors() -> dict[str, Any]:
    switched = set(AccessMode.objects.filter(whitelist=True).values_list("flow", flat=True))
    rows = [
        (
            flow.label,
            "the whitelisted" if flow.value in switched else "all but the denied",
            tokens.live().filter(flow=flow).count(),
        )
        for flow in Flow
    ]
    return shown.table(("Door", "Admits", "Live tokens"), rows)


def _events() -> dict[str, Any]:
    rows = [
        (
            shown.link(event, shown.moment(event.at)),
            event.event,
            f"{event.outcome}{': ' if event.reason else ''}{event.reason}",
            shown.text(event.subject, 40),
            event.ip,
        )
        for event in AuditEvent.objects.order_by("-pk")[:10]
    ]
    return shown.table(("When", "Event", "Outcome", "Subject", "Address"), rows)


def urls() -> list[URLPattern]:
    """Django's lists of one application lead to the overview: the groups of the sidebar are the way round."""
    labels = sorted({model._meta.app_label for model in admin.site._registry})
    return [path(f"{label}/", admin.site.admin_view(_to_overview)) for label in labels]


def _to_overview(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:index"))
