"""What `users list` and `users show` tell of an account: never a secret, never a digest."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import CharField, Max, Value

from accounts import credentials, tokens
from accounts.models import Device, OpenPGPKey, Token, User, X25519Key

Facts = dict[str, Any]
_LOT = 1000  # accounts
_LISTED = ("username", "password", "is_staff", "locked_at", "suspended_at", "deactivated_at")
_KINDS = ("password", "email", "pubkey", "fingerprint", *(kind.value for kind in Authenticator.Type))


def all_listed() -> Iterator[Facts]:
    """Every account by name, some hundred at a time: two questions for each lot, and none for an account."""
    people = User.objects.only(*_LISTED).order_by("username").iterator(chunk_size=_LOT)
    while lot := list(islice(people, _LOT)):
        yield from _listed(lot)


def listed(user: User) -> Facts:
    """One account as `all_listed` shows it."""
    return next(_listed([user]))


def _listed(people: Sequence[User]) -> Iterator[Facts]:
    """These accounts, which follow each other by name: a range needs no list of a thousand numbers in a question."""
    ends = people[0].username, people[-1].username
    devices = Device.objects.filter(user__username__range=ends)
    seen = dict(devices.values_list("user").annotate(Max("last_seen_at")))
    owned = Counter(_owned(ends))
    for user in people:
        counts = {kind: owned[user.pk, kind] for kind in _KINDS}
        counts["password"] = int(user.has_usable_password())
        yield {
            "name": user.username,
            "state": user.state.value,
            "administrator": user.is_staff,
            "credentials": [kind if count == 1 else f"{kind}×{count}" for kind, count in counts.items() if count],
            "last_seen": seen.get(user.pk),
        }


def _owned(ends: tuple[str, str]) -> Iterable[tuple[int, str]]:
    """Whose, and of what kind, for each thing that opens one of these accounts: one question."""
    sources = (EmailAddress, "email"), (X25519Key, "pubkey"), (OpenPGPKey, "fingerprint")
    rows: list[Any] = [
        model.objects.filter(user__username__range=ends).values_list("user", Value(kind, output_field=CharField()))
        for model, kind in sources
    ]
    factors = Authenticator.objects.filter(user__username__range=ends).values_list("user", "type")
    found: Iterable[tuple[int, str]] = factors.union(*rows, all=True)
    return found


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
