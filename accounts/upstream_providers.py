"""Sites whose accounts may sign in here: OpenID Connect providers, kept in django-allauth's rows.

The client secret is sealed (R7); it stands in the row's settings because the column for it is too short for that.
"""

from collections.abc import Sequence
from typing import Any

from allauth.socialaccount.models import SocialApp
from django.db import transaction

from accounts import audit, sealing
from accounts.models import UpstreamProvider

PROTOCOL = "openid_connect"
LABEL = "upstream client secret"
SEALED, _TRUSTS = "sealed_secret", "trusts_addresses"


def listed() -> list[UpstreamProvider]:
    """All of them, by name."""
    return list(UpstreamProvider.objects.filter(provider=PROTOCOL).order_by("name", "pk"))


def save(
    row: UpstreamProvider, *, server_url: str, secret: str, trusts_addresses: bool, actor: audit.Actor
) -> UpstreamProvider:
    """Writes a provider; an empty `secret` leaves the one that is there. The audit log never sees it."""
    kept = {key: value for key, value in row.settings.items() if key == SEALED}
    if secret:
        kept[SEALED] = sealing.seal(secret, label=LABEL)
    row.provider, row.secret = PROTOCOL, ""
    row.settings = {**kept, "server_url": server_url, _TRUSTS: trusts_addresses}
    event = "upstream-changed" if row.pk else "upstream-added"
    facts = {"server": server_url, "client_id": row.client_id, "new_secret": bool(secret), "trusts": trusts_addresses}
    with transaction.atomic():
        row.save()
        audit.record_or_fail(event, actor=actor, subject=row.provider_id, facts=facts)
    return row


def remove(row: UpstreamProvider, *, actor: audit.Actor) -> None:
    """Takes a provider away; accounts that sign in with nothing else are left to the administrator."""
    with transaction.atomic():
        audit.record_or_fail("upstream-removed", actor=actor, subject=row.provider_id)
        row.delete()


def with_secrets(apps: Sequence[SocialApp]) -> list[SocialApp]:
    """The rows as django-allauth uses them: each with its secret, in memory only."""
    for app in apps:
        sealed = app.settings.get(SEALED)
        if sealed:
            app.secret = sealing.unseal(sealed, label=LABEL)
    return list(apps)


def has_secret(row: SocialApp) -> bool:
    """Whether one is kept."""
    return bool(row.settings.get(SEALED))


def trusts_addresses(settings: dict[str, Any]) -> bool:
    """Whether the operator believes the provider that its people own their addresses."""
    return bool(settings.get(_TRUSTS))
