"""The constant SQL of the token look-up, 30 µs where the ORM takes 500 (architecture.md §5), and the purge."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from accounts import clock
from accounts.models import Device, Token, User


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who bears a live token, and what the token may. Moments are aware; `locked` means: refuse, but keep."""

    token_id: int
    flow: str
    user_id: int
    family: str
    credential: str
    client: str
    scope: str
    amr: str
    issued_at: datetime
    expires_at: datetime | None
    idle_seconds: int | None
    used_at: datetime | None
    last_used_at: datetime | None
    parent_id: int | None
    device_pk: int | None
    device_id: str | None
    sub: str
    username: str
    display_name: str
    user_created_at: datetime
    locked: bool
    suspended: bool
    administrator: bool


@cache
def _statement(condition: str) -> str:
    token, user, device = Token._meta.db_table, User._meta.db_table, Device._meta.db_table
    return (
        "SELECT t.id, t.user_id, t.family, t.credential, t.client, t.scope, t.amr, t.issued_at, t.expires_at, "
        "t.idle_seconds, t.used_at, t.last_used_at, t.parent_id, t.device_id, d.device_id, u.sub, u.username, "
        "u.display_name, u.created_at, u.locked_at, u.suspended_at, u.is_staff, t.flow "
        f"FROM {token} t JOIN {user} u ON u.id = t.user_id LEFT JOIN {device} d ON d.id = t.device_id "
        f"WHERE {condition} AND t.activated_at IS NOT NULL AND t.revoked_at IS NULL AND u.deactivated_at IS NULL "
        "AND (t.expires_at IS NULL OR t.expires_at > %s) AND (t.idle_until IS NULL OR t.idle_until > %s)"
    )


def find(digest: bytes, *, flow: str, kind: str, moment: datetime) -> Bearer | None:
    """The live token with this digest, flow and kind."""
    return _one("t.digest = %s AND t.flow = %s AND t.kind = %s", [digest, flow, kind], moment)


def find_of_any_flow(digest: bytes, *, kind: str, moment: datetime) -> Bearer | None:
    """The live token with this digest and kind, whichever flow issued it."""
    return _one("t.digest = %s AND t.kind = %s", [digest, kind], moment)


def alive(token_id: int, *, moment: datetime) -> Bearer | None:
    """The token with this row id if it still lives: what an open socket asks again."""
    return _one("t.id = %s", [token_id], moment)


def held(digest: bytes, *, flow: str, kind: str) -> Token | None:
    """The token with its account, its row locked until the caller's transaction ends."""
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    rows = f"SELECT * FROM {Token._meta.db_table} WHERE digest = %s AND flow = %s AND kind = %s{lock}"
    token = next(iter(Token.objects.raw(rows, [digest, flow, kind])), None)
    if token is not None:
        owner = f"SELECT * FROM {User._meta.db_table} WHERE id = %s"
        token.user = next(iter(User.objects.raw(owner, [token.user_id])))
    return token


def end_unused_children(parent_id: int, moment: datetime) -> None:
    """Ends what a refresh token gave in an answer that was lost."""
    changes = "revoked_at = %s, revoked_for = 'answer lost' WHERE parent_id = %s AND revoked_at IS NULL"
    _update(f"{changes} AND used_at IS NULL", [_adapted(moment), parent_id])


def succeed(token_id: int, successor_id: int) -> bool:
    """Names the successor of a refresh token that is neither spent nor revoked; False for any other."""
    changes = "successor_id = %s WHERE id = %s AND revoked_at IS NULL AND used_at IS NULL"
    return _update(changes, [successor_id, token_id])


def spend(token_id: int, moment: datetime) -> bool:
    """Notes the first use of a refresh token; False when it was used before."""
    return _update("used_at = %s WHERE id = %s AND used_at IS NULL", [_adapted(moment), token_id])


def _update(changes: str, parameters: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Token._meta.db_table} SET {changes}", parameters)
        return bool(cursor.rowcount)


def _adapted(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _one(condition: str, parameters: list[Any], moment: datetime) -> Bearer | None:
    adapted = _adapted(moment)
    with connection.cursor() as cursor:
        cursor.execute(_statement(condition), [*parameters, adapted, adapted])
        row = cursor.fetchone()
    return None if row is None else _bearer(row)


def _bearer(row: tuple[Any, ...]) -> Bearer:
    (
        token_id,
        user_id,
        family,
        credential,
        client,
        scope,
        amr,
        issued_at,
        expires_at,
        idle_seconds,
        used_at,
        last_used_at,
    ) = row[:12]
    parent_id, device_pk, device_id, sub, username, display_name, created_at = row[12:19]
    locked_at, suspended_at, staff, flow = row[19:]
    return Bearer(
        token_id=token_id,
        flow=flow,
        user_id=user_id,
        family=str(family).replace("-", ""),
        credential=credential,
        client=client,
        scope=scope,
        amr=amr,
        issued_at=_aware(issued_at),
        expires_at=expires_at and _aware(expires_at),
        idle_seconds=idle_seconds,
        used_at=used_at and _aware(used_at),
        last_used_at=last_used_at and _aware(last_used_at),
        parent_id=parent_id,
        device_pk=device_pk,
        device_id=device_id,
        sub=sub,
        username=username,
        display_name=display_name,
        user_created_at=_aware(created_at),
        locked=locked_at is not None,
        suspended=suspended_at is not None,
        administrator=bool(staff),
    )


def _aware(moment: datetime) -> datetime:
    """SQLite's driver gives UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of tokens that have been dead for `TOKEN_RETENTION` seconds; answers how many.

    A token of a Matrix device that lapsed stays as long as the device: only by it can a client that was away for
    long be told to keep its keys (`tokens.has_lapsed`). There are few: refreshing revokes the generations before.
    """
    dead = _dead(clock.after(-settings.TOKEN_RETENTION), batch)
    if not dead:
        return 0
    # Parents and successors are of one family. Without it SQLite, told that most tokens have no parent, reads them all.
    relatives = Token.objects.filter(family__in=set(dead.values()))
    places = ",".join(["%s"] * len(dead))
    with transaction.atomic():
        relatives.filter(parent_id__in=dead).update(parent=None)
        relatives.filter(successor_id__in=dead).update(successor=None)
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {Token._meta.db_table} WHERE id IN ({places})", list(dead))
    return len(dead)


def _dead(threshold: datetime, most: int) -> dict[int, uuid.UUID]:
    """Ids with their families. One look for each way to die, because each has an index of its own."""
    no_device = Q(device=None) | ~Q(device__kind=Device.Kind.MATRIX)
    revoked, expired = Q(revoked_at__lt=threshold), Q(expires_at__lt=threshold)
    ways = (revoked, expired & no_device & ~revoked, Q(idle_until__lt=threshold) & no_device & ~expired & ~revoked)
    found: dict[int, uuid.UUID] = {}
    for way in ways:
        if len(found) < most:
            found |= dict(Token.objects.filter(way).values_list("pk", "family")[: most - len(found)])
    return found
