"""Live rendezvous sessions in the administration: how many, whose, how old. Never an id, never what is in one."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import clock, words
from accounts.admin import shown
from accounts.admin.base import HouseAdmin
from accounts.models import User
from devicelogin.rendezvous import modes, services
from devicelogin.rendezvous.models import RendezvousSession
from devicelogin.rendezvous.protocol import Form
from devicelogin.rendezvous.store import Listed

_MOST = 50
_FORMS = {Form.TEXT: "MSC4108 (2024)", Form.JSON: "MSC4388 (current)"}
_STORES = {"d": "database", "r": "Redis"}
_COLUMNS = ("Form", "Address", "Account", "Age", "Ends in", "Writes", "Bytes", "Kept in")


@admin.register(RendezvousSession)
class RendezvousSessionAdmin(HouseAdmin):
    """One page: the sessions of every store. There is nothing to open, because there is nothing to see."""

    icon = "qr_code_2"

    def get_urls(self) -> list[URLPattern]:
        """The page alone: rows have none."""
        wrap = self.admin_site.admin_view
        return [path("", wrap(self.changelist_view), name="rendezvous_rendezvoussession_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """How many live, by form and by address, the mode, and the newest of them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        counts, listed = services.counts(), services.listed(most=_MOST)
        facts = {
            "total": sum(counts.values()),
            "most": f"{settings.RENDEZVOUS_MOST:,}",
            "counts": [(_FORMS[form], counts.get(form, 0)) for form in Form],
            "busiest": _busiest(listed),
            "mode": modes.current(),
            "meaning": modes.SWITCH.positions[modes.current()],
            "switches": reverse("admin:accounts_turnedswitch_changelist"),
            "shown": len(listed),
            "sessions": shown.table(_COLUMNS, _rows(listed)),
        }
        context = self.page(request, "Rendezvous sessions", opts=self.opts, **facts)
        return TemplateResponse(request, "admin/rendezvous/sessions.html", context)


def _rows(listed: list[Listed]) -> list[tuple[Any, ...]]:
    now = clock.now().timestamp() * 1000
    users = User.objects.in_bulk([one.user_id for one in listed if one.user_id is not None])
    return [
        (
            _FORMS[one.form],
            one.address,
            shown.account(users[one.user_id]) if one.user_id in users else shown.NOTHING,
            _seconds(now - one.created_ms),
            _seconds(one.expires_ms - now),
            f"{one.writes:,}",
            f"{one.size:,}",
            _STORES[one.store],
        )
        for one in listed
    ]


def _busiest(listed: list[Listed]) -> list[tuple[str, int]]:
    """The addresses with the most of those that are listed, where they have more than one."""
    numbers: dict[str, int] = {}
    for one in listed:
        numbers[one.address] = numbers.get(one.address, 0) + 1
    found = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return [(address, number) for address, number in found if number > 1][:5]


def _seconds(milliseconds: float) -> str:
    return words.count(max(0, round(milliseconds / 1000)), "second")
