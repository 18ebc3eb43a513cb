"""Networks that are never blocked by themselves: this machine, the proxies, and those that somebody named."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, patterns
from accounts.models import ExemptNetwork, User

Network = IPv4Network | IPv6Network
_LOOPBACK: Sequence[Network] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def networks() -> list[Network]:
    """All of them as they are now."""
    named = ExemptNetwork.objects.values_list("network", flat=True)
    return [*by_settings(), *(ip_network(text) for text in named)]


def by_settings() -> list[Network]:
    """Those that no page can change."""
    return [*_LOOPBACK, *settings.TRUSTED_PROXIES, *settings.ADMIN_NETWORKS, *settings.GUESSER_EXEMPT]


def covers(exempt: Sequence[Network], network: str) -> bool:
    """Whether blocking the network would keep anybody out who is exempt."""
    asked = ip_network(network, strict=False)
    return any(one.version == asked.version and one.overlaps(asked) for one in exempt)


def add(network: str, *, note: str = "", author: audit.Actor = None) -> ExemptNetwork:
    """Exempts a network, or gives the exemption this note. FIELD_INVALID with field ip."""
    text = patterns.canonical("ip", network).text
    with transaction.atomic():
        values = {"note": note[:500], "author": author if isinstance(author, User) else None}
        row, _ = ExemptNetwork.objects.update_or_create(network=text, defaults=values)
        audit.record_or_fail("exemption-added", actor=author, subject=text, facts={"note": row.note})
    return row


def remove(rows: QuerySet[ExemptNetwork], *, author: audit.Actor = None) -> int:
    """Takes exemptions away; answers how many there were."""
    with transaction.atomic():
        chosen = list(rows)
        ExemptNetwork.objects.filter(pk__in=[row.pk for row in chosen]).delete()
        for row in chosen:
            audit.record_or_fail("exemption-removed", actor=author, subject=row.network, facts={"note": row.note})
    return len(chosen)
