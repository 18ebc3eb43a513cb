"""`manage.py tokens revoke`: ends sessions of every door (operations.md §3)."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.db.models import Max

from accounts import audit, devices, tokens, users
from accounts.management.base import HouseCommand, Verbs
from accounts.management.named import account_named
from accounts.models import Device, Token

_BATCH = 500
_REASON = "revoked by an administrator"


class Command(HouseCommand):
    """`tokens revoke`."""

    help = "Tokens of every door."

    def add_arguments(self, parser: CommandParser) -> None:
        """`revoke` with one of three ways to say whose."""
        revoke = Verbs(parser).add(
            "revoke", self._revoke, "end tokens for good and close the sockets that live on them"
        )
        whose = revoke.add_mutually_exclusive_group(required=True)
        whose.add_argument("--user", metavar="NAME", help="all sessions of one account")
        whose.add_argument("--device", metavar="ID", help="the device of this id; where several accounts use it, all")
        whose.add_argument("--all", action="store_true", help="everybody's")

    def _revoke(self, *, user: str | None, device: str | None, **_: Any) -> None:
        if user is not None:
            account = account_named(user)
            self.line(account.username, did=f"{users.end_all_sessions(account)} tokens revoked")
        elif device is not None:
            self._revoke_device(device)
        else:
            self._revoke_all()

    def _revoke_device(self, device_id: str) -> None:
        found = list(Device.objects.select_related("user").filter(device_id=device_id))
        if not found:
            raise CommandError(f"no device {device_id}")
        with transaction.atomic():
            for device in found:
                count = tokens.revoke(Token.objects.filter(device=device), reason=_REASON)
                devices.end(Device.objects.filter(pk=device.pk), reason=_REASON)
                facts = {"device": device_id, "kind": device.kind, "tokens": count}
                audit.record_or_fail("device-ended", actor=None, subject=device.user.username, facts=facts)
                self.line(device.user.username, device.kind, device_id, did=f"{count} tokens revoked")

    def _revoke_all(self) -> None:
        """Those that exist now, in batches, so that the server can go on answering."""
        newest = Token.objects.aggregate(newest=Max("pk"))["newest"] or 0
        waiting = Token.objects.filter(revoked_at=None, pk__lte=newest).order_by("pk")
        count = 0
        while ids := list(waiting.values_list("pk", flat=True)[:_BATCH]):
            count += tokens.revoke(Token.objects.filter(pk__in=ids), reason=_REASON)
            self.progress(f"{count} tokens revoked")
        self._end_devices()
        audit.record_or_fail("sessions-ended", actor=None, subject="*", facts={"tokens": count})
        self.line("all accounts", did=f"{count} tokens revoked")

    def _end_devices(self) -> None:
        newest = Device.objects.aggregate(newest=Max("pk"))["newest"] or 0
        ended = 0
        while ids := list(Device.objects.filter(pk__lte=newest).values_list("pk", flat=True)[:_BATCH]):
            ended += devices.end(Device.objects.filter(pk__in=ids), reason=_REASON)
            self.progress(f"{ended} devices ended")
