"""The way round the administration, in groups (UNFOLD["SIDEBAR"])."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

_Group = tuple[str, tuple[tuple[str, str, str], ...]]

_GROUPS: tuple[_Group, ...] = (
    ("", (("Overview", "monitoring", "index"),)),
    (
        "People",
        (
            ("Accounts", "group", "accounts_user_changelist"),
            ("Session keys", "key", "accounts_x25519key_changelist"),
            ("OpenPGP keys", "encrypted", "accounts_openpgpkey_changelist"),
            ("Devices", "devices", "accounts_device_changelist"),
            ("Live tokens", "confirmation_number", "accounts_token_changelist"),
            ("Remembered logins", "badge", "accounts_token_remembered"),
        ),
    ),
    (
        "Access",
        (
            ("Access rules", "rule", "accounts_accessrule_changelist"),
            ("Whitelist switches", "toggle_on", "accounts_accessmode_changelist"),
            ("Switches", "tune", "accounts_turnedswitch_changelist"),
            ("Try it", "science", "accounts_accessrule_try_it"),
            ("Guessers", "gpp_maybe", "accounts_guesser_changelist"),
            ("Attacked accounts", "crisis_alert", "accounts_attackedaccount_changelist"),
            ("Exempt networks", "verified_user", "accounts_exemptnetwork_changelist"),
            ("Registration tokens", "person_add", "accounts_registrationtoken_changelist"),
            ("Upstream providers", "login", "accounts_upstreamprovider_changelist"),
        ),
    ),
    (
        "Events",
        (
            ("What happened", "notifications", "accounts_happening_changelist"),
            ("Subscriptions", "campaign", "accounts_subscription_changelist"),
            ("Deliveries", "outbox", "accounts_delivery_changelist"),
        ),
    ),
    (
        "Log",
        (
            ("Audit log", "history", "accounts_auditevent_changelist"),
            ("Queued mails", "outgoing_mail", "accounts_queuedmail_changelist"),
        ),
    ),
)

_HOMESERVER: _Group = (
    "Homeserver",
    (
        ("Tasks", "sync", "accounts_homeservertask_changelist"),
        ("Accounts there", "hub", "accounts_homeserveraccount_changelist"),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Called by unfold for each page; the longest path that leads to the page is where one is."""
    behind = [_HOMESERVER] if settings.MATRIX_HOMESERVER_URL else []
    groups = [*_GROUPS[:-1], *_doors(), *behind, _GROUPS[-1]]
    links = {route: reverse(f"admin:{route}") for _, items in groups for _, _, route in items}
    here = max((link for link in links.values() if request.path.startswith(link)), key=len, default="")
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [
                {"title": label, "icon": icon, "link": links[route], "active": links[route] == here}
                for label, icon, route in items
            ],
        }
        for title, items in groups
    ]


def _doors() -> list[_Group]:
    """A group for each flow that has lists of its own; `icon` is theirs."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for model, model_admin in admin.site._registry.items():
        options = model._meta
        if options.app_label != "accounts":
            label = capfirst(str(options.verbose_name_plural))
            route = f"{options.app_label}_{options.model_name}_changelist"
            items = found.setdefault(str(options.app_config.verbose_name), [])
            items.append((label, getattr(model_admin, "icon", "list"), route))
    return [(title, tuple(items)) for title, items in found.items()]
