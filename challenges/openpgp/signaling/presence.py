"""Rows of who is connected, so that every process can count and the administration can show them (laverna.md §5).

A row lives with its socket. A process tells every `REFRESH_SECONDS` that the rows of its sockets are still true; what
it has not told for `STALE_SECONDS` counts for nothing, because that process is dead, or the socket never came to be.
"""

import os
import secrets
import socket
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from accounts import clock, inserts
from accounts.models import Device
from challenges.openpgp.models import BlockedSender, Invite, Presence

REFRESH_SECONDS, STALE_SECONDS = 30.0, 90.0
_AT_ONCE = 500  # rows of one UPDATE
_DEVICE_SECONDS = 600.0  # how late a device's own "last seen" may be while it is connected
PROCESS = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"


class Standing(NamedTuple):
    """What a socket that comes in asks first: mostly there is nothing to look up behind it."""

    sockets: int
    is_invited: bool
    is_blocked: bool


def standing(user_id: int, moment: datetime) -> Standing:
    """How many sockets the account has in all processes; whether anybody invites it, or blocks it."""
    since = connection.ops.adapt_datetimefield_value(clock.after(-STALE_SECONDS, moment))
    with connection.cursor() as cursor:
        cursor.execute(_standing(), [user_id, since, user_id, user_id])
        sockets, is_invited, is_blocked = cursor.fetchone()
    return Standing(sockets, bool(is_invited), bool(is_blocked))


@cache
def _standing() -> str:
    """Constant SQL: the ORM's compiler would take ten times the look (architecture.md §5)."""
    presence, invite, blocked = (model._meta.db_table for model in (Presence, Invite, BlockedSender))
    return (
        f"SELECT (SELECT COUNT(*) FROM {presence} WHERE user_id = %s AND seen_at > %s), "  # noqa: S608  # our names
        f"EXISTS (SELECT 1 FROM {invite} WHERE recipient_id = %s), "
        f"EXISTS (SELECT 1 FROM {blocked} WHERE sender_id = %s)"
    )


def fresh(moment: datetime | None = None) -> QuerySet[Presence]:
    """The rows that count."""
    return Presence.objects.filter(seen_at__gt=clock.after(-STALE_SECONDS, moment))


def open_row(*, user_id: int, device_pk: int, ip: str, process: str = PROCESS) -> int:
    """A socket has opened; answers the number of its row."""
    moment = clock.now()
    row = Presence(
        user_id=user_id, device_id=device_pk, process=process, address=ip or None, connected_at=moment, seen_at=moment
    )
    inserts.insert(row)
    return int(row.pk)


def close_rows(ids: Collection[int]) -> None:
    """These sockets are closed; their devices were seen just now."""
    now, rows, devices = connection.ops.adapt_datetimefield_value(clock.now()), Presence._meta, Device._meta
    which = f"id IN ({','.join(['%s'] * len(ids))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {devices.db_table} SET last_seen_at = %s "  # noqa: S608  # our names
            f"WHERE id IN (SELECT device_id FROM {rows.db_table} WHERE {which})",
            [now, *ids],
        )
        cursor.execute(f"DELETE FROM {rows.db_table} WHERE {which}", list(ids))  # noqa: S608


def refresh(ids: Sequence[int]) -> set[int]:
    """These sockets are still open; answers whose rows there are. A row that no socket names any more grows stale.

    Usually all: others are gone with their device, or were purged while this process could not reach the database.
    """
    moment = clock.now()
    long_unseen = Device.objects.filter(last_seen_at__lt=clock.after(-_DEVICE_SECONDS, moment))
    there: set[int] = set()
    for start in range(0, len(ids), _AT_ONCE):
        rows = Presence.objects.filter(pk__in=ids[start : start + _AT_ONCE])
        rows.update(seen_at=moment)
        long_unseen.filter(pk__in=rows.values("device")).update(last_seen_at=moment)
        there.update(rows.values_list("pk", flat=True))
    return there


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of rows whose process is dead; answers how many."""
    stale = Presence.objects.filter(seen_at__lt=clock.after(-STALE_SECONDS))
    ids = list(stale.values_list("pk", flat=True)[:batch])
    Presence.objects.filter(pk__in=ids).delete()
    return len(ids)
