"""The signaling room in the administration: who is connected, which invites wait, who is blocked by whom.

Refused attempts are in the audit log, as the event `signaling`.
"""

from typing import Any, ClassVar

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display

from accounts import audit, words
from accounts.admin import shown
from accounts.admin.base import HouseAdmin, administrator
from challenges.openpgp.models import BlockedSender, Invite, Presence
from challenges.openpgp.records import FLOW
from challenges.openpgp.signaling import contacts, presence


@admin.register(Presence)
class PresenceAdmin(HouseAdmin):
    """The signaling sockets that are open now, in all processes."""

    icon = "sensors"
    list_display = ("account", "device", "address", "server", "since_column", "seen_column")
    list_filter: ClassVar = ("connected_at",)
    search_fields = ("user__username", "device__device_id", "device__display_name", "address")
    search_help_text = "Account, device or address"
    ordering = ("-connected_at", "-pk")
    since_column = shown.moment_column("connected_at", "Since")
    seen_column = shown.moment_column("seen_at", "Last seen")
    fields = ("account", "device", "device_seen", "address", "server", "since_column", "seen_column")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Presence]:
        """Without those whose process is dead."""
        return presence.fresh().select_related("user", "device")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list under its count: sockets and accounts."""
        rows = presence.fresh()
        accounts = rows.order_by().values("user").distinct().count()
        title = f"{words.count(rows.count(), 'open socket')} of {words.count(accounts, 'account')}"
        return super().changelist_view(request, {**(extra_context or {}), "title": title})

    @display(description="Account", ordering="user__username")
    def account(self, row: Presence) -> str:
        """Who."""
        return shown.account(row.user)

    @display(description="Device", ordering="device__device_id")
    def device(self, row: Presence) -> str:
        """By which device; its page can end it."""
        return shown.link(row.device, shown.code(row.device.device_id))

    @display(description="Device last seen")
    def device_seen(self, row: Presence) -> str:
        """As the device's own page says it."""
        return shown.moment(row.device.last_seen_at)

    @display(description="Process", ordering="process")
    def server(self, row: Presence) -> str:
        """Host and process number."""
        return shown.text(row.process.rpartition(":")[0])


@admin.register(Invite)
class InviteAdmin(HouseAdmin):
    """Invites that wait for their recipients."""

    icon = "mail_lock"
    can_delete = True
    list_display = ("invite", "to", "key", "made_column", "shown_column")
    list_filter: ClassVar = ("created_at",)
    search_fields = ("sender__username", "recipient__username", "fingerprint")
    search_help_text = "Sender, recipient or fingerprint"
    ordering = ("-created_at", "-pk")
    made_column = shown.moment_column("created_at", "Sent")
    shown_column = shown.moment_column("shown_at", "Last shown live")
    fields = ("invite", "to", "whole_key", "made_column", "shown_column")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invite]:
        """With both accounts."""
        queryset: QuerySet[Invite] = super().get_queryset(request)
        return queryset.select_related("sender", "recipient")

    def delete_model(self, request: HttpRequest, obj: Invite) -> None:
        """The recipient does not see it any more; the sender may send another."""
        with transaction.atomic():
            obj.delete()
            facts = {"sender": obj.sender.username}
            audit.record_or_fail(
                "invite-deleted", actor=administrator(request), subject=obj.recipient.username, flow=FLOW, facts=facts
            )

    @display(description="From", ordering="sender__username")
    def invite(self, row: Invite) -> str:
        """Who invites."""
        return shown.account(row.sender)

    @display(description="To", ordering="recipient__username")
    def to(self, row: Invite) -> str:
        """Who is invited."""
        return shown.account(row.recipient)

    @display(description="Signed by", ordering="fingerprint")
    def key(self, row: Invite) -> str:
        """The ends of the fingerprint."""
        return shown.code(row.fingerprint)

    @display(description="Signed by")
    def whole_key(self, row: Invite) -> str:
        """The fingerprint."""
        return shown.whole_code(row.fingerprint)


@admin.register(BlockedSender)
class BlockedSenderAdmin(HouseAdmin):
    """Who wants to hear nothing from whom."""

    icon = "block"
    can_delete = True
    list_display = ("by", "whom", "made_column")
    search_fields = ("owner__username", "sender__username")
    search_help_text = "Account"
    ordering = ("-created_at", "-pk")
    made_column = shown.moment_column("created_at", "Since")
    fields = ("by", "whom", "made_column")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BlockedSender]:
        """With both accounts."""
        queryset: QuerySet[BlockedSender] = super().get_queryset(request)
        return queryset.select_related("owner", "sender")

    def delete_model(self, request: HttpRequest, obj: BlockedSender) -> None:
        """By the verb."""
        contacts.unblock(obj.owner_id, name=obj.sender.folded_username, actor=administrator(request))

    @display(description="Blocked by", ordering="owner__username")
    def by(self, row: BlockedSender) -> str:
        """Whose list it is."""
        return shown.account(row.owner)

    @display(description="Blocked", ordering="sender__username")
    def whom(self, row: BlockedSender) -> str:
        """Who is not heard."""
        return shown.account(row.sender)
