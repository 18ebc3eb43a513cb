"""The verbs on devices: open, came, end (one-origin.md §3)."""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts import clock, homeserver, hub, inserts, ledger, new_devices, tokens
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Device, Flow, Token, User
from accounts.programs import Program

_MANY_OWNERS = 100  # from here on one notice to all sockets is cheaper than one an account
_CAME = (
    f"UPDATE {Device._meta.db_table} SET last_seen_at = %s, last_seen_ip = COALESCE(%s, last_seen_ip) "  # noqa: S608  # our name
    "WHERE user_id = %s AND kind = %s AND device_id = %s RETURNING id"
)


def open(  # noqa: A001  # the verb of the house; the builtin is not used here
    user: User,
    *,
    kind: str,
    device_id: str = "",
    display_name: str = "",
    user_agent: str = "",
    ip: str = "",
    new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    mark: str = "",
    program: Program | None = None,
) -> Device:
    """The device of this id, made when it is new; without an id one with a random `new_id` is made.

    An existing device keeps its display name. Ids: 1–512 characters without control characters, else FIELD_INVALID.
    The account's owner hears of a new one by mail: `mark` is as in `new_devices.Arrival`, `program` is what signed in.
    """
    device, is_new = _opened(user, kind, device_id, display_name, user_agent, ip, new_id)
    if is_new:
        arrival = new_devices.Arrival(ip, user_agent, device=device, program=program, mark=mark)
        new_devices.tell(user, arrival)
    return device


def _opened(
    user: User, kind: str, device_id: str, display_name: str, user_agent: str, ip: str, new_id: Callable[[], str]
) -> tuple[Device, bool]:
    """The device, and whether its owner should hear of it."""
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
        return device, True
    device = Device(user=user, kind=kind, device_id=device_id, **values)
    while not inserts.insert(device):
        known = Device.objects.filter(user=user, kind=kind, device_id=device_id).first()
        if known is not None and came(user.pk, kind=kind, device_id=device_id, ip=ip) is not None:
            is_another = new_devices.comes_from_elsewhere(known, user_agent=user_agent, ip=ip)
            return Device.objects.get(pk=known.pk), is_another
    return device, True


def require_room(user: User, *, kind: str) -> None:
    """FORBIDDEN with field device_id when the account has as many devices of this kind as it may."""
    if (
        settings.MATRIX_DEVICE_LIMIT
        and Device.objects.filter(user=user, kind=kind).count() >= settings.MATRIX_DEVICE_LIMIT
    ):
        raise Refusal(Reason.FORBIDDEN, field="device_id", detail=f"{settings.PUBLIC_URL}/")


def came(user_id: int, *, kind: str, device_id: str, ip: str = "") -> int | None:
    """Notes that the device of this id is here again: its number, None when there is none.

    Constant SQL, because every signaling socket comes by here.
    """
    seen = [
        connection.ops.adapt_datetimefield_value(clock.now()),
        connection.ops.adapt_ipaddressfield_value(ip or None),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CAME, [*seen, user_id, kind, device_id])
        row = cursor.fetchone()
    return row[0] if row else None


def rename(device: Device, display_name: str) -> None:
    """Sets what its owner calls it; what cannot be shown becomes a blank, 256 characters count."""
    with transaction.atomic():
        Device.objects.filter(pk=device.pk).update(display_name=_shown(display_name)[:256])
        homeserver.device_renamed(device)


def end(devices: QuerySet[Device], *, reason: str) -> int:
    """Ends the devices: their tokens die, their rows go; answers how many devices there were."""
    with transaction.atomic():
        found = list(devices.values_list("pk", "user_id", "kind"))
        ids = [pk for pk, _, _ in found]
        homeserver.devices_end(Device.objects.filter(pk__in=ids))
        tokens.revoke(Token.objects.filter(device_id__in=ids), reason=reason)
        Device.objects.filter(pk__in=ids).delete()
        _tell_sockets({user_id for _, user_id, kind in found if kind == Device.Kind.OPENPGP})
    return len(ids)


def _tell_sockets(owners: set[int]) -> None:
    """A signaling socket ends with its device, also where its token belongs to another one (laverna.md §5)."""
    if owners:
        hub.recheck([hub.EVERYONE] if len(owners) > _MANY_OWNERS else map(hub.user_group, owners))


def end_remembered(user: User, *, reason: str) -> None:
    """Ends the account's remembered logins with what they gave, and cancels those that wait for a code, and what a
    browser granted to a program that has not fetched it yet.

    Called in the transaction that changes the password or an address (websocket-otp.md §3).
    """
    tokens.revoke(Token.objects.filter(user=user, kind=Token.Kind.REMEMBERED), reason=reason)
    waiting = Q(flow=Flow.OTP) | Q(flow=Flow.DEVICELOGIN, purpose__in=ledger.GRANTS)
    ledger.expire(Challenge.objects.filter(waiting, user=user))


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of devices that no token belongs to any more; answers how many.

    Never of Matrix: a device there ends by logout only, or after `MATRIX_DEVICE_IDLE` seconds, if that is set.
    """
    an_hour_ago = clock.after(-3600)
    unseen = Q(last_seen_at=None) | Q(last_seen_at__lt=an_hour_ago)
    forgotten = Q(unseen, tokens=None, created_at__lt=an_hour_ago) & ~Q(kind=Device.Kind.MATRIX)
    ids = list(Device.objects.filter(forgotten).values_list("pk", flat=True)[:batch])
    if settings.MATRIX_DEVICE_IDLE and not ids:
        unused = Q(last_seen_at__lt=clock.after(-settings.MATRIX_DEVICE_IDLE)) | Q(last_seen_at=None)
        old = Device.objects.filter(
            unused, kind=Device.Kind.MATRIX, created_at__lt=clock.after(-settings.MATRIX_DEVICE_IDLE)
        )
        ids = list(old.values_list("pk", flat=True)[:batch])
        end(Device.objects.filter(pk__in=ids), reason="unused device")
    Device.objects.filter(pk__in=ids).delete()
    return len(ids)


def _shown(text: str) -> str:
    """What a client says of itself, without characters that cannot be stored or would disturb a page."""
    return "".join(char if char.isprintable() else " " for char in text)
