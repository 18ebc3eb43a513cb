"""The switches that an administrator may turn while the server runs (`accounts.switches`)."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import switches
from accounts.admin.asking import Question, ask, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.errors import Refusal
from accounts.models import TurnedSwitch

_AS_SET = "as-set"  # the position that gives a switch back to its setting


@admin.register(TurnedSwitch)
class TurnedSwitchAdmin(HouseAdmin):
    """All switches on one page, those that nobody has turned too."""

    def get_urls(self) -> list[URLPattern]:
        """The page, and one for each position of a switch."""
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.changelist_view), name="accounts_turnedswitch_changelist"),
            path("<slug:name>/<slug:position>/", wrap(self.turn_view), name="accounts_turnedswitch_turn"),
        ]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """There is no form of one row; turning asks for `has_act_permission`."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        """Each switch with its position, what that means, and the ways to the others."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = [_row(switch) for switch in switches.listed()]
        context = self.page(request, "Switches", opts=self.opts, rows=rows)
        return TemplateResponse(request, "admin/accounts/turning.html", context)

    def turn_view(self, request: HttpRequest, name: str, position: str) -> HttpResponse:
        """Asks, then turns the switch."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        try:
            switch = switches.named(name)
        except Refusal:
            raise Http404 from None
        if position != _AS_SET and position not in switch.positions:
            raise Http404
        if not is_confirmed(request):
            return ask(self, request, _question(switch, position, self.list_url()))
        if position == _AS_SET:
            switches.give_back(name, actor=administrator(request))
        else:
            switches.turn(name, position, actor=administrator(request))
        self.message_user(request, f"{switch.label}: {switches.value(name)}.", messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())


def _row(switch: switches.Switch) -> dict[str, object]:
    now = switches.value(switch.name)
    is_turned = switches.is_turned(switch.name)
    ways = [(_label(position), position) for position in switch.positions if position != now]
    back = [(f"As {switch.setting} says", _AS_SET)] if is_turned else []
    return {
        "label": switch.label,
        "position": now,
        "meaning": switch.positions.get(now, ""),
        "origin": "turned here" if is_turned else f"as {switch.setting} says",
        "ways": [(text, _url(switch.name, position)) for text, position in [*ways, *back]],
    }


def _question(switch: switches.Switch, position: str, back: str) -> Question:
    if position == _AS_SET:
        told = [f"{switch.setting} says: {switch.default}.", switch.positions.get(switch.default, "")]
        return Question(f"{switch.label}: as {switch.setting} says", "Give it back", back, told)
    text = [switch.positions[position], "It is in force everywhere within a second, and goes before the setting."]
    return Question(f"{switch.label}: {position}", _label(position), back, text)


def _label(position: str) -> str:
    return f"Turn {position}" if position in {switches.ON, switches.OFF} else f"Set to {position}"


def _url(name: str, position: str) -> str:
    return reverse("admin:accounts_turnedswitch_turn", args=[name, position])
