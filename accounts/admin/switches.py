"""The whitelist switches of all doors on one page. Switching asks first and says whom it would shut out (R48)."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import rules, tokens, whitelists, words
from accounts.admin.asking import Question, ask, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.models import AccessMode, Flow


@admin.register(AccessMode)
class AccessModeAdmin(HouseAdmin):
    """Five doors, each open or in whitelist mode."""

    def get_urls(self) -> list[URLPattern]:
        """The page, and one for each switch."""
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.changelist_view), name="accounts_accessmode_changelist"),
            path("<slug:flow>/switch/", wrap(self.switch_view), name="accounts_accessmode_switch"),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is no form of one row; switching asks for `has_act_permission`."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """All doors, those without a row too: they are open."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        switched = set(AccessMode.objects.filter(whitelist=True).values_list("flow", flat=True))
        doors = [
            {
                "label": flow.label,
                "whitelist": flow.value in switched,
                "allows": whitelists.allows(flow).count(),
                "tokens": tokens.live().filter(flow=flow).count(),
                "url": reverse("admin:accounts_accessmode_switch", args=[flow.value]),
                "rules": reverse("admin:accounts_accessrule_changelist") + "?effect__exact=allow",
            }
            for flow in Flow
        ]
        context = self.page(request, "Whitelist switches", opts=self.opts, doors=doors)
        return TemplateResponse(request, "admin/accounts/switches.html", context)

    def switch_view(self, request: HttpRequest, flow: str) -> HttpResponse:
        """Asks, then turns the switch to what the button said."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        if flow not in Flow.values:
            raise Http404
        door = Flow(flow)
        if not is_confirmed(request):
            is_on = AccessMode.objects.filter(flow=flow, whitelist=True).exists()
            return ask(self, request, _opening(door, self.list_url()) if is_on else _closing(door, self.list_url()))
        whitelist = request.POST.get("whitelist") == "on"
        rules.set_mode(flow, whitelist=whitelist, author=administrator(request))
        told = "in whitelist mode" if whitelist else "open"
        self.message_user(request, f"{door.label} is {told}.", messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())


def _closing(door: Flow, back: str) -> Question:
    allowing, refused = whitelists.allows(door).count(), whitelists.refused(door)
    return Question(
        title=f"Switch whitelist mode on: {door.label}",
        button="Switch on",
        back=back,
        text=[
            f"{words.count(allowing, 'allow rule')} in force there. Whoever none of them names is refused.",
            f"{refused:,} of {words.count(tokens.live().filter(flow=door).count(), 'live token')} would be refused. "
            "They do not end: they work again when listed, or when the switch is off.",
        ],
        warning="" if allowing else "The whitelist of this door is empty: it admits nobody.",
        hidden=[("whitelist", "on")],
        grave=not allowing or refused > 0,
    )


def _opening(door: Flow, back: str) -> Question:
    return Question(
        title=f"Switch whitelist mode off: {door.label}",
        button="Switch off",
        back=back,
        text=["Everybody is admitted again whom no deny names. The allow rules stay."],
        hidden=[("whitelist", "off")],
    )
