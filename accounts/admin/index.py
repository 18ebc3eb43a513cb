"""The first page: who signs in, what is refused, who guesses, what waits, and whether the server's own work is done."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from accounts import clock, counting, figures
from accounts.admin import refusals, shown, sign_ins, works
from accounts.models import AccessMode, AuditEvent, Flow, HomeserverTask, QueuedMail

_DAY = 86_400.0


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by unfold (UNFOLD["DASHBOARD_CALLBACK"])."""
    sizes, measured_at = counting.sizes()
    processes, sockets = works.serving()
    return {
        **context,
        "title": "Overview",
        "figures": _figures(sizes, sum(sockets.values())),
        "measured": works.ago(measured_at),
        "sign_ins": sign_ins.section(),
        "why": refusals.why(),
        "guesses": refusals.guesses(),
        "doors": _doors(sizes, sockets),
        "waiting": works.waiting(),
        "jobs": works.background(),
        "processes": processes,
        "events": _events(),
    }


def _figures(sizes: Any, sockets: int) -> list[dict[str, Any]]:
    refused = counting.refused(clock.after(-_DAY)).total()
    found = [
        _figure("Accounts", sizes["accounts"], "accounts_user"),
        _figure("Live sessions", sum(sizes["sessions"].values()), "accounts_token"),
        {"label": "Open sockets", "number": f"{sockets:,}", "url": "#doors"},
        _figure("Refused in a day", refused, "accounts_auditevent", f"?outcome__exact={figures.REFUSED}"),
    ]
    if failed := QueuedMail.objects.exclude(last_error="").count():
        found.append(_figure("Mails that failed so far", failed, "accounts_queuedmail", "?failed=yes"))
    if failed := HomeserverTask.objects.exclude(last_error="").count():
        found.append(_figure("Not heard by the homeserver yet", failed, "accounts_homeservertask", "?failed=yes"))
    return found


def _figure(label: str, number: int, model: str, query: str = "") -> dict[str, Any]:
    return {"label": label, "number": f"{number:,}", "url": reverse(f"admin:{model}_changelist") + query}


def _doors(sizes: Any, sockets: dict[str, int]) -> dict[str, Any]:
    switched = set(AccessMode.objects.filter(whitelist=True).values_list("flow", flat=True))
    rows = [
        (
            flow.label,
            "the whitelisted" if flow.value in switched else "all but the denied",
            f"{sizes['sessions'].get(flow.value, 0):,}",
            f"{sizes['tokens'].get(flow.value, 0):,}",
            f"{sockets[flow.value]:,}" if flow.value in sockets else "",
        )
        for flow in Flow
    ]
    return shown.table(("Door", "Admits", "Live sessions", "Live tokens", "Open sockets"), rows)


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
