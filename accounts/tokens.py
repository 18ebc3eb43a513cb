"""The one token store: issue, check, activate, rotate, revoke (architecture.md §3).

A flow mints the text of a token; the store sees its SHA-256 digest only (R7). Looking a token up is one indexed query,
whatever the number of tokens. What must happen once is one conditional UPDATE, so racing requests cannot both win.
"""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import clock, homeserver, hub, inserts, recent, token_rows, visits
from accounts.errors import Reason, Refusal
from accounts.models import Device, Token, User
from accounts.token_rows import Bearer, purge

__all__ = [
    "Bearer",
    "Minted",
    "Stolen",
    "activate",
    "check",
    "check_any",
    "digest",
    "has_lapsed",
    "issue",
    "live",
    "purge",
    "require",
    "revoke",
    "rotate",
]

ACCESS, REFRESH, REMEMBERED = Token.Kind.ACCESS, Token.Kind.REFRESH, Token.Kind.REMEMBERED
_MANY_FAMILIES = 100  # from here on one notice to all sockets is cheaper than one a login


@dataclass(frozen=True, slots=True)
class Minted:
    """A token text made by a flow, with its life: seconds, None for without end."""

    secret: str
    lifetime: float | None = None
    idle: float | None = None


class Stolen(Refusal):
    """A spent refresh token came again after the grace: its family has been ended. `token` is the row."""

    def __init__(self, token: Token) -> None:
        super().__init__(Reason.TOKEN_UNKNOWN, detail="refresh token used again")
        self.token = token


def digest(secret: str) -> bytes:
    """The stored form of a secret: SHA-256 of its UTF-8 bytes."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def issue(
    minted: Minted,
    *,
    user: User,
    flow: str,
    kind: str = ACCESS,
    device: Device | None = None,
    credential: str = "",
    client: str = "",
    scope: str = "",
    amr: str = "",
    active: bool = True,
    unused: bool = False,
    family: uuid.UUID | None = None,
    parent: Token | None = None,
) -> Token:
    """Stores one token; issuing is a use unless it is `unused`. CHALLENGE_INVALID: its secret was used before."""
    visits.note_user(user.pk)
    moment = clock.now()
    token = Token(
        user=user,
        device=device,
        flow=flow,
        kind=kind,
        digest=digest(minted.secret),
        family=family or uuid.uuid4(),
        credential=credential,
        client=client,
        scope=scope,
        amr=amr,
        issued_at=moment,
        activated_at=moment if active else None,
        expires_at=clock.after(minted.lifetime, moment) if minted.lifetime else None,
        idle_seconds=minted.idle or None,
        idle_until=clock.after(minted.idle, moment) if minted.idle else None,
        last_used_at=moment if active and not unused else None,
        parent=parent,
    )
    if not inserts.insert(token):
        raise Refusal(Reason.CHALLENGE_INVALID, detail="the token exists already")
    return token


def check(secret: str, *, flow: str, kind: str = ACCESS, ip: str = "", confirms: bool = True) -> Bearer | None:
    """Who bears this token, or None when it is unknown, inert, expired or revoked, or its account deactivated.

    A locked account's bearer is returned with `locked` set, because doors answer it differently. The first use of a
    refreshed token spends its parents, unless the caller only looks (`confirms`); the last use is written at most
    every `TOKEN_TOUCH_INTERVAL` seconds.
    """
    bearer = token_rows.find(digest(secret), flow=flow, kind=kind, moment=clock.now())
    return _noted(bearer, ip) if confirms else bearer


def check_any(secret: str, *, ip: str, confirms: bool = True) -> Bearer | None:
    """`check` of an access token of whichever door; its `flow` says which."""
    bearer = token_rows.find_of_any_flow(digest(secret), kind=ACCESS, moment=clock.now())
    return _noted(bearer, ip) if confirms else bearer


def require(secret: str, *, flow: str, kind: str = ACCESS, ip: str = "") -> Bearer:
    """`check`, refusing instead of None: TOKEN_MISSING, TOKEN_UNKNOWN or ACCOUNT_LOCKED."""
    if not secret:
        raise Refusal(Reason.TOKEN_MISSING)
    bearer = check(secret, flow=flow, kind=kind, ip=ip)
    if bearer is None:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    if bearer.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    return bearer


def activate(secret: str, *, flow: str, kind: str = ACCESS) -> Token:
    """Turns an inert token active, once; Refusal CHALLENGE_INVALID when it is not there to be activated."""
    moment = clock.now()
    waiting = live(moment).filter(digest=digest(secret), flow=flow, kind=kind, activated_at=None)
    if not waiting.update(activated_at=moment, last_used_at=moment):
        raise Refusal(Reason.CHALLENGE_INVALID)
    return Token.objects.select_related("user", "device").get(digest=digest(secret))


def rotate(secret: str, *, flow: str, access: Minted, refresh: Minted, grace: float) -> tuple[Token, Token]:
    """A new (access, refresh) pair for a refresh token, as matrix.md §8 and R24 say.

    The old refresh token stays good until its successor's pair is first used: until then a repeat means that the
    answer was lost, and the pair is replaced. Afterwards a repeat is refused with TOKEN_UNKNOWN, and once `grace`
    seconds have passed since that first use it is theft: the whole family dies, and the refusal is `Stolen`.
    """
    with transaction.atomic():
        token = token_rows.held(digest(secret), flow=flow, kind=REFRESH)  # a racing refresh waits, then sees this pair
        moment = clock.now()
        if token is None or token.user.deactivated_at or not _is_live(token, moment):
            raise Refusal(Reason.TOKEN_UNKNOWN)
        if token.user.locked_at:
            raise Refusal(Reason.ACCOUNT_LOCKED)
        if token.used_at is None:
            _spend_parent(token.parent_id, token.family, moment)
            return _replace(token, access=access, refresh=refresh, moment=moment)
    if token.used_at < clock.after(-grace, moment):
        revoke(Token.objects.filter(family=token.family), reason="refresh token used again")
        raise Stolen(token)
    raise Refusal(Reason.TOKEN_UNKNOWN, detail="refresh token used again")


def even_lapsed(secret: str, *, flows: Iterable[str], kind: str = ACCESS) -> Token | None:
    """The token that was neither revoked nor is its account deactivated, though its time may be over (matrix.md §9)."""
    named = Token.objects.filter(digest=digest(secret), flow__in=flows, kind=kind, revoked_at=None)
    return named.select_related("user").filter(user__deactivated_at=None).exclude(activated_at=None).first()


def has_lapsed(secret: str, *, flows: Iterable[str], kind: str = ACCESS) -> bool:
    """Whether this token ended by time alone, its device and account being still there (matrix.md §2)."""
    token = even_lapsed(secret, flows=flows, kind=kind)
    return token is not None and token.device_id is not None and not _is_live(token, clock.now())


def revoke(tokens: QuerySet[Token], *, reason: str) -> int:
    """Ends these tokens for good and tells the sockets that live on them; answers how many were alive.

    What a remembered login gave dies with it: the other tokens of its device (websocket-otp.md §3). Rows stay as
    tombstones until `purge`, so that no spent secret becomes new again.
    """
    with transaction.atomic():
        moment = clock.now()
        count, families = _end(tokens, reason, moment)
        remembered = Token.objects.filter(kind=REMEMBERED, revoked_at=moment)
        heirs, more = _end(Token.objects.filter(device__in=remembered.values("device")), reason, moment)
        families |= more
        hub.recheck([hub.EVERYONE] if len(families) > _MANY_FAMILIES else map(hub.family_group, families))
    return count + heirs


def _end(tokens: QuerySet[Token], reason: str, moment: datetime) -> tuple[int, set[uuid.UUID]]:
    """Ends them until nothing is left: on Postgres a refresh that was under way held up the first UPDATE, which does
    not see what it has issued."""
    doomed, count = tokens.filter(revoked_at=None), 0
    homeserver.tokens_end(doomed)
    families = set(doomed.order_by().values_list("family", flat=True).distinct())
    while ended := doomed.update(revoked_at=moment, revoked_for=reason[:64]):
        count += ended
    return count, families


def live(moment: datetime | None = None) -> QuerySet[Token]:
    """Tokens that are neither revoked nor expired, inert ones included."""
    moment = moment or clock.now()
    return Token.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=moment),
        Q(idle_until=None) | Q(idle_until__gt=moment),
        revoked_at=None,
    )


def _is_live(token: Token, moment: datetime) -> bool:
    return (
        token.revoked_at is None
        and token.activated_at is not None
        and (token.expires_at is None or token.expires_at > moment)
        and (token.idle_until is None or token.idle_until > moment)
    )


def _replace(old: Token, *, access: Minted, refresh: Minted, moment: datetime) -> tuple[Token, Token]:
    """Issues the pair; of racing refreshes the later one wins, the earlier pair dies unused."""
    recent.forget_on_commit()
    token_rows.end_unused_children(old.pk, moment)
    new_access = _descend(old, access, ACCESS)
    new_refresh = _descend(old, refresh, REFRESH)
    # The conditional write that decides: it fails when the pair was used, or the family ended, meanwhile.
    if not token_rows.succeed(old.pk, new_refresh.pk):
        raise Refusal(Reason.TOKEN_UNKNOWN, detail="spent meanwhile")
    return new_access, new_refresh


def _descend(old: Token, minted: Minted, kind: str) -> Token:
    return issue(
        minted,
        user=old.user,
        flow=old.flow,
        kind=kind,
        device=Device(pk=old.device_id) if old.device_id else None,  # its number is all that is stored
        credential=old.credential,
        client=old.client,
        scope=old.scope,
        amr=old.amr,
        family=old.family,
        parent=old,
    )


def _noted(bearer: Bearer | None, ip: str) -> Bearer | None:
    if bearer is not None:
        visits.note_user(bearer.user_id)
    if bearer is None or bearer.locked:
        return bearer
    moment = clock.now()
    if bearer.parent_id is not None and bearer.used_at is None and not _confirm(bearer, bearer.parent_id, moment):
        return None
    if bearer.last_used_at is None or bearer.last_used_at < clock.after(-settings.TOKEN_TOUCH_INTERVAL, moment):
        _touch(bearer, moment, ip)
    return bearer


def _confirm(bearer: Bearer, parent_id: int, moment: datetime) -> bool:
    """First use of a refreshed token: its parent is spent and the generation before dies. False if it lost a race."""
    with transaction.atomic():
        # The parent first, as `rotate` does: in the other order the two could wait for each other.
        Token.objects.select_for_update().filter(pk=parent_id).first()
        first = Token.objects.filter(pk=bearer.token_id, used_at=None, revoked_at=None).update(used_at=moment)
        if first:
            _spend_parent(parent_id, bearer.family, moment)
            return True
    return Token.objects.filter(pk=bearer.token_id, revoked_at=None).exists()


def _spend_parent(parent_id: int | None, family: uuid.UUID | str, moment: datetime) -> None:
    """The client has the answer: the refresh token it used is spent, access tokens of generations before die."""
    if parent_id is None or not token_rows.spend(parent_id, moment):
        return
    recent.forget_on_commit()
    older = Token.objects.filter(family=family, kind=ACCESS, revoked_at=None).exclude(parent_id=parent_id)
    older.filter(pk__lt=parent_id).update(revoked_at=moment, revoked_for="refreshed")
    older.filter(parent__pk__lt=parent_id).update(revoked_at=moment, revoked_for="refreshed")


def _touch(bearer: Bearer, moment: datetime, ip: str) -> None:
    """Writes the last use of token, device and credential; of racing requests one writes."""
    threshold = clock.after(-settings.TOKEN_TOUCH_INTERVAL, moment)
    stale = Token.objects.filter(pk=bearer.token_id).filter(Q(last_used_at=None) | Q(last_used_at__lt=threshold))
    values: dict[str, object] = {"last_used_at": moment}
    if bearer.idle_seconds:
        values["idle_until"] = moment + timedelta(seconds=bearer.idle_seconds)
    if stale.update(**values) and bearer.device_pk is not None:
        seen: dict[str, object] = {"last_seen_at": moment} | ({"last_seen_ip": ip} if ip else {})
        Device.objects.filter(pk=bearer.device_pk).update(**seen)
