"""The verbs on devices: open, touch, end (one-origin.md §3)."""

import secrets
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import clock, inserts, ledger, tokens
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Device, Flow, Token, User


def open(  # noqa: A001  # the verb of the house; the builtin is not used here
    user: User,
    *,
    kind: str,
    device_id: str = "",
    display_name: str = "",
    user_agent: str = "",
    ip: str = "",
    new_id: Callable[[], str] = lambda: secrets.token_hex(16),
) -> Device:
    """The device of this id, made when it is new; without an id one with a random `new_id` is made.

    An existing device keeps its display name. Ids: 1–512 characters without control characters, else FIELD_INVALID.
    """
    moment = clock.now()
    if device_id and (len(device_id) > 512 or not device_id.isprintable()):
        raise Refusal(Reason.FIELD_INVALID, field="device_id")
    values = {
        "display_name": _shown(display_name)[:256],
        "user_agent": _shown(user_agent)[:1024],
        "created_at": moment,
        "last_seen_at": moment,
        "last_seen_ip": ip or None,
    }
    if not device_id:
        while not inserts.insert(device := Device(user=user, kind=kind, device_id=new_id(), **values)):
            pass  # the id is taken
        return device
    device, is_new = Device.objects.get_or_create(user=user, kind=kind, device_id=device_id, defaults=values)
    if not is_new:
        touch(device.pk, moment=moment, ip=ip)
    return device


def touch(device_pk: int, *, moment: datetime, ip: str = "") -> None:
    """Notes that the device was seen now."""
    seen: dict[str, object] = {"last_seen_at": moment}
    if ip:
        seen["last_seen_ip"] = ip
    Device.objects.filter(pk=device_pk).update(**seen)


def rename(device: Device, display_name: str) -> None:
    """Sets what its owner calls it; what cannot be shown becomes a blank, 256 characters count."""
    Device.objects.filter(pk=device.pk).update(display_name=_shown(display_name)[:256])


def end(devices: QuerySet[Device], *, reason: str) -> int:
    """Ends the devices: their tokens die, their rows go; answers how many devices there were."""
    with transaction.atomic():
        ids = list(devices.values_list("pk", flat=True))
        tokens.revoke(Token.objects.filter(device_id__in=ids), reason=reason)
        Device.objects.filter(pk__in=ids).delete()
    return len(ids)


def end_remembered(user: User, *, reason: str) -> None:
    """Ends the account's remembered logins with what they gave, and cancels those that wait for a code.

    Called in the transaction that changes the password or an address (websocket-otp.md §3).
    """
    tokens.revoke(Token.objects.filter(user=user, kind=Token.Kind.REMEMBERED), reason=reason)
    ledger.expire(Challenge.objects.filter(user=user, flow=Flow.OTP))


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of devices that no token belongs to any more; answers how many.

    Never of Matrix: a device there ends by logout only, or after `MATRIX_DEVICE_IDLE` seconds, if that is set.
    """
    forgotten = Q(tokens=None, created_at__lt=clock.after(-3600)) & ~Q(kind=Device.Kind.MATRIX)
    ids = list(Device.objects.filter(forgotten).values_list("pk", flat=True)[:batch])
    if settings.MATRIX_DEVICE_IDLE and not ids:
        unused = Q(last_seen_at__lt=clock.after(-settings.MATRIX_DEVICE_IDLE)) | Q(last_seen_at=None)
        old = Device.objects.filter(
            unused, kind=Device.Kind.MATRIX, created_at__lt=clock.after(-settings.MATRIX_DEVICE_IDLE)
        )
        ids = list(old.values_list("pk", flat=True)[:batch])
        tokens.revoke(Token.objects.filter(device_id__in=ids), reason="unused device")
    Device.objects.filter(pk__in=ids).delete()
    return len(ids)


def _shown(text: str) -> str:
    """What a client says of itself, without characters that cannot be stored or would disturb a page."""
    return "".join(char if char.isprintable() else " " for char in text)
