"""Who may come into the signaling room, and who may stay (laverna.md §5, §6.5, §6.12; R27, R49)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import audit, clock, devices, policy, subjects, throttle, token_rows, users
from accounts.consumers import NOT_ADMITTED, TOKEN_DIED
from accounts.errors import Reason, Refusal
from accounts.models import Device, Token
from accounts.tokens import Bearer
from challenges.openpgp import sign_in
from challenges.openpgp.records import FLOW
from challenges.openpgp.signaling import contacts, invitations, presence
from challenges.openpgp.signaling.messages import Handshake

_NOTED = throttle.Limit("openpgp-refusals-noted", 10, 60)  # refused attempts of an address in the audit log


@dataclass(frozen=True, slots=True)
class Entered:
    """What a socket has when it is in: its rows, numbers of invites that wait for it, and who does not listen to it."""

    presence_id: int
    device_pk: int
    invites: list[int]
    deaf: frozenset[int]


@dataclass(frozen=True, slots=True)
class Stay:
    """What a socket lives on."""

    bearer: Bearer
    device_pk: int
    ip: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`close_code` is None for who stays."""

    close_code: int | None
    deaf: frozenset[int] = frozenset()


def identify(handshake: Handshake, *, ip: str) -> Bearer:
    """Whose token this is; refuses as `sign_in.bearer`. A refusal is in the audit log, without the token."""
    try:
        return sign_in.bearer(handshake.token, username=handshake.username, ip=ip)
    except Refusal as refusal:
        note_refusal(refusal.reason, username=handshake.username, ip=ip)
        raise


def note_refusal(reason: str, *, username: object, ip: str) -> None:
    """Writes down a refused attempt, unless the address has caused many within the minute."""
    try:
        throttle.hit(_NOTED, throttle.address_key(ip))
    except Refusal:
        return
    name = "".join(char for char in username if char.isprintable())[:64] if isinstance(username, str) else ""
    audit.record("signaling", outcome=audit.REFUSED, reason=str(reason), flow=FLOW, subject=name, ip=ip)


def enter(bearer: Bearer, *, device_id: str, ip: str, user_agent: str) -> Entered:
    """Makes the rows of a socket that listens to notices already, so that nothing that ends its token is missed.

    TOKEN_UNKNOWN, ACCOUNT_LOCKED or NOT_ADMITTED when the token died or the lists changed meanwhile; RATE_LIMITED when
    the account has too many sockets.
    """
    most = max(1, int(settings.SIGNALING_SOCKETS_PER_USER * settings.RATE_LIMIT_SCALE))
    with transaction.atomic():
        policy.hold()
        user = users.held(bearer.user_id)
        policy.admit(FLOW, subjects.of_bearer(bearer, ip=ip))
        moment = clock.now()
        alive = token_rows.alive(bearer.token_id, moment=moment)
        if alive is None or user.deactivated_at:
            raise Refusal(Reason.TOKEN_UNKNOWN)
        if alive.locked:
            raise Refusal(Reason.ACCOUNT_LOCKED)
        standing = presence.standing(bearer.user_id, moment)
        if standing.sockets >= most:
            raise Refusal(Reason.RATE_LIMITED, detail="sockets of the account")
        kept = stored_device_id(device_id)
        device_pk = devices.came(user.pk, kind=Device.Kind.OPENPGP, device_id=kept, ip=ip)
        if device_pk is None:
            device_pk = devices.open(
                user,
                kind=Device.Kind.OPENPGP,
                device_id=kept,
                display_name="Laverna",
                user_agent=user_agent,
                ip=ip,
                mark=kept,  # its row goes with its last token, and comes again
            ).pk
        if alive.device_pk is None:  # it belongs to the first device that comes: ending that ends the token
            Token.objects.filter(pk=alive.token_id, device=None).update(device=device_pk)
        row = presence.open_row(user_id=bearer.user_id, device_pk=device_pk, ip=ip)
    invites = invitations.pending(bearer.user_id) if standing.is_invited else []
    deaf = contacts.deaf_to(bearer.user_id) if standing.is_blocked else frozenset()
    return Entered(row, device_pk, invites, deaf)


def stored_device_id(device_id: str) -> str:
    """The id under which a device is kept: its own, or the hash of one that no page could show."""
    if device_id.isprintable():
        return device_id
    return f"hashed:{hashlib.sha256(device_id.encode()).hexdigest()[:40]}"


def stay(sockets: Sequence[Stay]) -> list[Verdict]:
    """Looks again whether these sockets may live; three queries for all of them, unless rules ask for more."""
    ids = [one.bearer.token_id for one in sockets]
    moment = clock.now()
    lasting = Q(expires_at=None) | Q(expires_at__gt=moment)
    alive = Token.objects.filter(lasting, pk__in=ids, revoked_at=None, user__deactivated_at=None, user__locked_at=None)
    names = dict(alive.values_list("pk", "user__username"))
    there = set(Device.objects.filter(pk__in=[one.device_pk for one in sockets]).values_list("pk", flat=True))
    deaf = contacts.deaf_to_each({one.bearer.user_id for one in sockets})
    found = []
    for one in sockets:
        if not policy.decide(FLOW, subjects.of_bearer(one.bearer, ip=one.ip)).admitted:
            found.append(Verdict(NOT_ADMITTED))
        elif names.get(one.bearer.token_id) != one.bearer.username or one.device_pk not in there:
            found.append(Verdict(TOKEN_DIED))
        else:
            found.append(Verdict(None, deaf[one.bearer.user_id]))
    return found
