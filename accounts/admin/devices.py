"""Devices: what is signed in at which door, and ending it."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action, display

from accounts import audit, devices, new_devices, tokens, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.models import Device, Token


@admin.register(Device)
class DeviceAdmin(HouseAdmin):
    """Devices of all accounts."""

    list_display = ("device", "account", "kind", "client", "seen_column", "address", "made_column")
    list_filter = ("kind", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("device_id", "display_name", "user__username", "last_seen_ip")
    search_help_text = "Device, account or address"
    ordering = ("-last_seen_at", "-pk")
    seen_column = shown.moment_column("last_seen_at", "Last seen")
    made_column = shown.moment_column("created_at", "First seen")
    fields = (
        "whole_name",
        "account",
        "kind",
        "whole_id",
        "whole_client",
        "made_column",
        "seen_column",
        "address",
    )
    actions: ClassVar = ("end_chosen",)
    actions_detail = ("end_device",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        """With their accounts."""
        queryset: QuerySet[Device] = super().get_queryset(request)
        return queryset.select_related("user")

    @action(description="End the chosen devices", permissions=["act"])
    def end_chosen(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse | None:
        """Asks, then ends them."""
        if is_confirmed(request):
            self._end(request, queryset)
            return None
        total = queryset.count()
        question = Question(
            f"End {words.count(total, 'device')}",
            "End",
            request.get_full_path(),
            [_consequence(queryset)],
            items=[shown.text(f"{device} of {device.user}") for device in queryset[:MOST_SHOWN]],
            total=total,
            hidden=chosen_rows(request),
        )
        return ask(self, request, question)

    @action(description="End this device", url_path="end", icon="logout", permissions=["act"])
    def end_device(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then ends it."""
        chosen = self.get_queryset(request).filter(pk=int(object_id) if object_id.isdecimal() else -1)
        device = chosen.first()
        if device is None:
            self.message_user(request, "The device has ended already.", messages.WARNING)
            return HttpResponseRedirect(self.list_url())
        if is_confirmed(request):
            self._end(request, chosen)
            return HttpResponseRedirect(shown.change_url(device.user))
        title = f"End {device} of {device.user}"
        return ask(self, request, Question(title, "End", shown.change_url(device), [_consequence(chosen)]))

    def _end(self, request: HttpRequest, chosen: QuerySet[Device]) -> None:
        with transaction.atomic():
            named = list(chosen.order_by("pk").values_list("user__username", "kind", "device_id"))
            new_devices.forget(chosen.order_by())
            devices.end(chosen.order_by(), reason="ended by an administrator")
            for username, kind, device_id in named:
                facts = {"kind": kind, "device": device_id[:128]}
                audit.record_or_fail("device-ended", actor=administrator(request), subject=username, facts=facts)
        self.message_user(request, f"{words.count(len(named), 'device')} ended.", messages.SUCCESS)

    @display(description="Device", ordering="display_name")
    def device(self, device: Device) -> str:
        """What it is called."""
        return shown.text(device.display_name) if device.display_name else shown.code(device.device_id)

    @display(description="Name")
    def whole_name(self, device: Device) -> str:
        """What it is called, whole."""
        return shown.text(device.display_name, 256)

    @display(description="Account", ordering="user__username")
    def account(self, device: Device) -> str:
        """Whose it is."""
        return shown.account(device.user)

    @display(description="Client", ordering="user_agent")
    def client(self, device: Device) -> str:
        """What it calls itself."""
        return shown.text(device.user_agent)

    @display(description="Client")
    def whole_client(self, device: Device) -> str:
        """What it calls itself, whole."""
        return shown.text(device.user_agent, 1024)

    @display(description="Address", ordering="last_seen_ip")
    def address(self, device: Device) -> str:
        """Where it was last seen."""
        return device.last_seen_ip or shown.NOTHING

    @display(description="Id")
    def whole_id(self, device: Device) -> str:
        """The id, whole."""
        return shown.whole_code(device.device_id)


def _consequence(chosen: QuerySet[Device]) -> str:
    ending = tokens.live().filter(pk__in=Token.objects.filter(device__in=chosen.order_by()).values("pk")).count()
    return f"{words.count(ending, 'live token')} of {'it' if chosen.count() == 1 else 'them'} will end."
