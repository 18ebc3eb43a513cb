"""The devices of a person, as Matrix shows and changes them (matrix.md §10): kind Matrix only."""

from typing import Any

from django.db.models import QuerySet

from accounts import audit, devices, users
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, identifiers, interactive, messages, sessions, stages
from accounts.matrix.interactive import Call
from accounts.models import Device
from accounts.tokens import Bearer


def listed(bearer: Bearer) -> list[dict[str, Any]]:
    """All devices of the bearer's account, oldest first."""
    return [_shown(device, bearer) for device in _mine(bearer).order_by("pk")]


def shown(bearer: Bearer, device_id: str) -> dict[str, Any]:
    """One device; NOT_FOUND, also for another person's."""
    return _shown(_one(bearer, device_id), bearer)


def rename(bearer: Bearer, device_id: str, fields: messages.Fields) -> None:
    """Sets the display name; absent leaves it. TOO_LARGE over 100 characters, NOT_FOUND."""
    name = messages.text(fields, "display_name")
    device = _one(bearer, device_id)
    if name is None:
        return
    if len(name) > identifiers.SHOWN_NAME:
        raise Refusal(Reason.TOO_LARGE, field="display_name")
    devices.rename(device, name)


def delete(bearer: Bearer, device_id: str, fields: dict[str, Any], *, ip: str) -> None:
    """Ends one device and its tokens, after a proof; an unknown one is success."""
    _end(bearer, [device_id], fields, name=f"DELETE devices/{device_id}", ip=ip)


def delete_many(bearer: Bearer, fields: dict[str, Any], *, ip: str) -> None:
    """Ends the named devices, after a proof; FIELD_MISSING without the list."""
    _end(bearer, None, fields, name="POST delete_devices", ip=ip)


def _end(bearer: Bearer, ids: list[str] | None, fields: dict[str, Any], *, name: str, ip: str) -> None:
    sessions.require_own_page(bearer)
    auth = interactive.parse_auth(fields)
    if ids is None and ("devices" in fields or "session" not in auth):
        messages.texts(fields, "devices")
    user = users.by_id(bearer.user_id)
    bound, device_id = frozenset({"devices"}), bearer.device_id or ""
    call = Call(name, user, stages.flows_of(user), fields, ip, bound=bound, device_id=device_id)
    if interactive.replayed(call, auth) is not None:
        return
    proved = interactive.prove(call, auth, stages.check)
    chosen = messages.texts(proved.fields, "devices") if ids is None else ids

    def end() -> dict[str, Any]:
        ended = devices.end(_mine(bearer).filter(device_id__in=chosen), reason="device deleted")
        audit.record("devices-deleted", flow=sessions.FLOW, subject=user.username, ip=ip, facts={"count": ended})
        return {}

    interactive.perform(proved, end)


def _mine(bearer: Bearer) -> QuerySet[Device]:
    return Device.objects.filter(user=bearer.user_id, kind=Device.Kind.MATRIX)


def _one(bearer: Bearer, device_id: str) -> Device:
    device = _mine(bearer).filter(device_id=device_id).first()
    if device is None:
        raise Refusal(Reason.NOT_FOUND, field="device_id")
    return device


def _shown(device: Device, bearer: Bearer) -> dict[str, Any]:
    """All keys always, null where unknown: matrix-nio refuses the list otherwise."""
    return {
        "device_id": device.device_id,
        "display_name": device.display_name or None,
        "last_seen_ip": device.last_seen_ip,
        "last_seen_ts": int(device.last_seen_at.timestamp() * 1000) if device.last_seen_at else None,
        "user_id": accounts_named.user_id(bearer.username),
    }
