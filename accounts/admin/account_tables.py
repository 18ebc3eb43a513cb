"""The tables below an account: what opens it, addresses, devices, sessions, documents, what happened lately."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Q
from django.urls import reverse

from accounts.admin import account_addresses, account_sessions, remembered, shown
from accounts.models import AuditEvent, User

MOST = 50


def of(user: User) -> list[dict[str, Any]]:
    """Each with its title and rows; `more` is a link below it, with its words."""
    return [
        _x25519_keys(user),
        _openpgp_keys(user),
        _factors(user),
        account_addresses.table(user),
        account_sessions.table(user),
        remembered.table(user),
        _devices(user),
        _documents(user),
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


def _factors(user: User) -> dict[str, Any]:
    rows = [
        (_FACTORS.get(factor.type, factor.type), shown.moment(factor.created_at), shown.moment(factor.last_used_at))
        for factor in Authenticator.objects.filter(user=user).order_by("pk")
    ]
    return {"title": "Passkeys and second factors", "table": shown.table(("Kind", "Added", "Last used"), rows)}


_FACTORS = {
    Authenticator.Type.WEBAUTHN: "Passkey",
    Authenticator.Type.TOTP: "Authenticator app",
    Authenticator.Type.RECOVERY_CODES: "Recovery codes",
}


def _devices(user: User) -> dict[str, Any]:
    devices = user.devices.order_by("-last_seen_at", "-pk")[:MOST]
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
    section = {
        "title": "Devices",
        "table": shown.table(("Device", "Kind", "Client", "Last seen", "Address"), rows),
    }
    url = f"{reverse('admin:accounts_device_changelist')}?user__id__exact={user.pk}"
    return section | ({"more": (url, "Devices of this account in a list")} if rows else {})


def _documents(user: User) -> dict[str, Any]:
    accepted = user.accepted_documents.order_by("-accepted_at", "-pk")[:MOST]
    rows = [(shown.text(one.document), shown.text(one.version), shown.moment(one.accepted_at)) for one in accepted]
    return {"title": "Accepted documents", "table": shown.table(("Document", "Version", "Accepted"), rows)}


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
