"""The tables below an account: credentials, devices, live tokens, what happened lately."""

from typing import Any

from django.db.models import Q
from django.urls import reverse

from accounts import credentials, tokens
from accounts.admin import shown
from accounts.models import AuditEvent, Device, User

_MOST = 50


def of(user: User) -> list[dict[str, Any]]:
    """Each with its title, its rows, and where all of them are listed."""
    return [
        _x25519_keys(user),
        _openpgp_keys(user),
        _addresses(user),
        _devices(user),
        _tokens(user),
        _events(user),
    ]


def _x25519_keys(user: User) -> dict[str, Any]:
    rows = [
        (
            shown.link(key, shown.whole_code(key.public_key)),
            shown.moment(key.created_at),
            shown.moment(key.last_used_at),
        )
        for key in user.x25519_keys.order_by("pk")
    ]
    return {"title": "Session keys (X25519)", "table": shown.table(("Key", "Added", "Last used"), rows)}


def _openpgp_keys(user: User) -> dict[str, Any]:
    rows = [
        (
            shown.link(key, shown.whole_code(key.fingerprint)),
            f"{key.algorithm} {key.bits or ''}".strip(),
            "served" if key.is_published else "not served",
            shown.moment(key.expires_at) if key.expires_at else "never",
        )
        for key in user.openpgp_keys.order_by("pk")
    ]
    headers = ("Fingerprint", "Algorithm", "Directory", "Expires")
    return {"title": "OpenPGP keys", "table": shown.table(headers, rows)}


def _addresses(user: User) -> dict[str, Any]:
    rows = [
        (shown.text(row.email, 254), "confirmed" if row.verified else "not confirmed", "primary" if row.primary else "")
        for row in credentials.addresses(user)
    ]
    return {"title": "E-mail addresses", "table": shown.table(("Address", "State", ""), rows)}


def _devices(user: User) -> dict[str, Any]:
    devices = user.devices.order_by("-last_seen_at", "-pk")[:_MOST]
    rows = [
        (
            shown.device(device),
            device.get_kind_display(),
            shown.text(device.user_agent, 60),
            shown.moment(device.last_seen_at),
            device.last_seen_ip,
        )
        for device in devices
    ]
    headers = ("Device", "Kind", "Client", "Last seen", "Address")
    return {"title": "Devices", "table": shown.table(headers, rows), "all": _list(Device, user)}


def _tokens(user: User) -> dict[str, Any]:
    living = tokens.live().filter(user=user).select_related("device").defer("digest").order_by("-pk")[:_MOST]
    rows = [
        (
            shown.link(token, f"{token.get_flow_display()}, {token.get_kind_display().lower()}"),
            shown.device(token.device),
            shown.code(token.credential) if token.credential else token.amr,
            shown.moment(token.issued_at),
            shown.moment(token.last_used_at),
        )
        for token in living
    ]
    headers = ("Token", "Device", "Opened by", "Issued", "Last used")
    return {
        "title": "Live tokens",
        "table": shown.table(headers, rows),
        "all": reverse("admin:accounts_token_changelist") + f"?user__id__exact={user.pk}",
    }


def _list(model: Any, user: User) -> str:
    return reverse(f"admin:accounts_{model._meta.model_name}_changelist") + f"?user__id__exact={user.pk}"


def _events(user: User) -> dict[str, Any]:
    names = {user.username, *user.x25519_keys.values_list("public_key", flat=True)}
    names |= set(user.openpgp_keys.values_list("fingerprint", flat=True))
    events = AuditEvent.objects.filter(Q(subject__in=names) | Q(actor=user.username)).order_by("-pk")[:20]
    rows = [
        (
            shown.link(event, shown.moment(event.at)),
            event.event,
            f"{event.outcome}{': ' if event.reason else ''}{event.reason}",
            event.get_flow_display(),
            shown.text(event.actor, 40),
            event.ip,
        )
        for event in events
    ]
    headers = ("When", "Event", "Outcome", "Door", "By", "Address")
    return {"title": "Lately", "table": shown.table(headers, rows)}
