"""What `users list` and `users show` tell of an account: never a secret, never a digest."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Max, QuerySet

from accounts import credentials, tokens
from accounts.models import Token, User

Facts = dict[str, Any]


def all_accounts() -> Iterator[User]:
    """Every account by name, with `last_seen` and what `summary` needs, in few queries."""
    people: QuerySet[User] = User.objects.annotate(last_seen=Max("devices__last_seen_at")).order_by("username")
    related = ("x25519_keys", "openpgp_keys", "emailaddress_set", "authenticator_set")
    return people.prefetch_related(*related).iterator(chunk_size=500)


def listed(user: User) -> Facts:
    """One account of `all_accounts`."""
    return {
        "name": user.username,
        "state": user.state.value,
        "administrator": user.is_staff,
        "credentials": _kinds(user),
        "last_seen": getattr(user, "last_seen", None),
    }


def account(user: User) -> Facts:
    """The account itself."""
    return {
        "name": user.username,
        "id": user.pk,
        "sub": user.sub,
        "display_name": user.display_name,
        "state": user.state.value,
        "administrator": user.is_staff,
        "must_change_password": user.must_change_password,
        "created_at": user.created_at,
    }


def opened_by(user: User) -> list[Facts]:
    """What opens the account, and its addresses."""
    found: list[Facts] = [{"kind": "password"}] if user.has_usable_password() else []
    for address in credentials.addresses(user):
        facts = {"confirmed": address.verified, "primary": address.primary}
        found.append({"kind": "email", "value": address.email} | facts)
    for key in user.x25519_keys.order_by("pk"):
        found.append({"kind": "pubkey", "value": key.public_key, "created_at": key.created_at})
    for pgp in user.openpgp_keys.order_by("pk"):
        found.append({"kind": "fingerprint", "value": pgp.fingerprint, "created_at": pgp.created_at})
    for factor in Authenticator.objects.filter(user=user).order_by("pk"):
        found.append({"kind": factor.type, "created_at": factor.created_at})
    return found


def devices(user: User) -> list[Facts]:
    """What is or was signed in, last seen first."""
    return [
        {
            "kind": device.kind,
            "id": device.device_id,
            "display_name": device.display_name,
            "last_seen": device.last_seen_at,
            "last_seen_ip": device.last_seen_ip,
        }
        for device in user.devices.order_by("-last_seen_at", "pk")
    ]


def sessions(user: User) -> list[Facts]:
    """Live sessions: all tokens of one login are one."""
    living = tokens.live().filter(user=user).exclude(activated_at=None).select_related("device")
    rows = living.order_by("family", "issued_at")
    found = [_session(list(family)) for _, family in groupby(rows, key=lambda token: token.family)]
    return sorted(found, key=lambda session: session["since"])


def _session(family: list[Token]) -> Facts:
    newest = family[-1]
    ends = [token.expires_at or token.idle_until for token in family]
    return {
        "flow": newest.flow,
        "device": newest.device.device_id if newest.device else None,
        "opened_by": newest.credential or None,
        "methods": newest.amr,
        "since": family[0].issued_at,
        "last_used": max((token.last_used_at for token in family if token.last_used_at), default=None),
        "ends": None if None in ends else max(end for end in ends if end),
    }


def _kinds(user: User) -> list[str]:
    """Each kind once, with its number where there are several."""
    counts = {
        "password": int(user.has_usable_password()),
        "email": len(user.emailaddress_set.all()),  # type: ignore[attr-defined]  # django-allauth has no types
        "pubkey": len(user.x25519_keys.all()),
        "fingerprint": len(user.openpgp_keys.all()),
    }
    for factor in user.authenticator_set.all():  # type: ignore[attr-defined]  # likewise
        counts[factor.type] = counts.get(factor.type, 0) + 1
    return [kind if count == 1 else f"{kind}×{count}" for kind, count in counts.items() if count]
