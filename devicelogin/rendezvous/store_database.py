"""Rendezvous sessions in the database: constant SQL, one statement where one has to win (qr-login.md §8).

How many live in all is kept in a few counters by the time at which they end, so that the cap costs the same with a
hundred thousand of them. The counter's row is locked until a creation is committed, so no two overlook each other.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F

from accounts import clock, quick_look
from accounts.errors import Refusal
from accounts.models import Revision, TurnedSwitch
from devicelogin.rendezvous import modes
from devicelogin.rendezvous.models import LiveCount, RendezvousSession
from devicelogin.rendezvous.protocol import Form, Held
from devicelogin.rendezvous.store import Caps, Listed, New, Written, full

_SPAN = 10  # seconds whose ends are counted together
_SWEEP_EACH, _SWEPT = 8, 16  # of each span the first creation, the ninth … deletes so many expired rows (R62)


class DatabaseStore:
    """The store that is always there."""

    letter = "d"

    def create(self, new: New, caps: Caps) -> None:
        """As `Store`."""
        now, held = new.created_ms, new.held
        row: list[Any] = [_digest(new.session_id), new.form.value, held.data, held.token, now, now, held.expires_ms]
        caps_of: list[Any] = [now // 1000, caps.everybody, new.address, now, caps.address, new.user_id, now, caps.user]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_count(), [_span(held.expires_ms)])
            in_its_span = cursor.fetchone()[0]
            cursor.execute(_insert(), [*row, new.address, new.user_id, *caps_of])
            if cursor.rowcount == 0:
                raise self._full(new, caps)
            if in_its_span % _SWEEP_EACH == 1:
                cursor.execute(_sweep(), [_SWEPT, now])

    def find(self, session_id: str, now_ms: int) -> Held | None:
        """As `Store`."""
        with connection.cursor() as cursor:
            cursor.execute(_select(), [_digest(session_id), now_ms])
            row = cursor.fetchone()
        return _held(row) if row else None

    def write(self, session_id: str, *, seen: str, data: bytes, token: str, now_ms: int) -> Written | None:
        """As `Store`."""
        with connection.cursor() as cursor:
            cursor.execute(_swap(), [data, token, now_ms, _digest(session_id), seen, now_ms, token])
            row = cursor.fetchone()
            if row:
                return Written(True, Held(data, token, now_ms, row[0]), seen)
            cursor.execute(_select(), [_digest(session_id), now_ms])
            row = cursor.fetchone()
        return Written(False, _held(row), row[4]) if row else None

    def delete(self, session_id: str, now_ms: int) -> bool:
        """As `Store`."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_delete(), [_digest(session_id), now_ms])
            row = cursor.fetchone()
            if row:
                LiveCount.objects.filter(until=_span(row[0]), number__gt=0).update(number=F("number") - 1)
        return row is not None

    def counts(self, now_ms: int) -> dict[Form, int]:
        """As `Store`."""
        living = RendezvousSession.objects.filter(expires_ms__gt=now_ms).values_list("form")
        return {Form(form): number for form, number in living.annotate(number=Count("pk")).order_by()}

    def listed(self, now_ms: int, *, most: int) -> list[Listed]:
        """As `Store`."""
        rows = RendezvousSession.objects.filter(expires_ms__gt=now_ms).order_by("-pk")[:most]
        return [
            Listed(
                form=Form(row.form),
                store=self.letter,
                address=row.address,
                user_id=row.user_id,
                created_ms=row.created_ms,
                expires_ms=row.expires_ms,
                writes=row.writes,
                size=len(row.data),
            )
            for row in rows
        ]

    def _full(self, new: New, caps: Caps) -> Refusal:
        """Which cap it was, and when the first of these sessions ends."""
        living = RendezvousSession.objects.filter(expires_ms__gt=new.created_ms).order_by("expires_ms")
        mine_of = [("address", living.filter(address=new.address), caps.address)]
        if new.user_id is not None:
            mine_of.append(("user", living.filter(user_id=new.user_id), caps.user))
        for name, mine, most in mine_of:
            ends = list(mine.values_list("expires_ms", flat=True)[:most])
            if len(ends) >= most:
                return full(name, (ends[0] - new.created_ms) / 1000)
        return full("everybody")


def quick(session_id: str, now_ms: int) -> tuple[Held, int, str] | None:
    """A session by one read of SQLite on the event loop, with the revision of the lists and the turned mode;
    None where the ordinary way has to be taken."""
    row = quick_look.one(_quick(), (_digest(session_id), now_ms))
    if row is None:
        return None
    data, token, written_ms, expires_ms, revision, turned = row
    return Held(data, token, written_ms, expires_ms), revision or 0, turned or ""


def purge(batch: int) -> int:
    """Deletes one batch of sessions that are over, and counters of the past; answers how many."""
    moment = int(clock.now().timestamp() * 1000)
    with connection.cursor() as cursor:
        cursor.execute(_sweep(), [batch, moment])
        count = int(cursor.rowcount)
    LiveCount.objects.filter(until__lt=moment // 1000).delete()
    return count


def _held(row: Sequence[Any]) -> Held:
    return Held(bytes(row[0]), row[1], row[2], row[3])


def _digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode()).digest()


def _span(moment_ms: int) -> int:
    """The end of the span in which a session ends, in unix seconds: it counts as alive until then."""
    return (moment_ms // 1000 // _SPAN + 1) * _SPAN


@cache
def _count() -> str:
    """One more that ends in this span. Locks it: whoever creates at the same moment waits, and counts this one."""
    table = LiveCount._meta.db_table
    return (
        f"INSERT INTO {table} (until, number) VALUES (%s, 1) "
        f"ON CONFLICT (until) DO UPDATE SET number = {table}.number + 1 RETURNING number"
    )


@cache
def _insert() -> str:
    """The session, unless as many live as may; it is among those of everybody already, not among the others."""
    sessions = RendezvousSession._meta.db_table
    return (
        f"INSERT INTO {sessions} "
        "(digest, form, data, token, previous, writes, created_ms, written_ms, expires_ms, address, user_id) "
        "SELECT %s, %s, %s, %s, '', 0, %s, %s, %s, %s, CAST(%s AS bigint) "
        f"WHERE (SELECT sum(number) FROM {LiveCount._meta.db_table} WHERE until > %s) <= %s "
        f"AND (SELECT count(*) FROM {sessions} WHERE address = %s AND expires_ms > %s) < %s "
        f"AND (SELECT count(*) FROM {sessions} WHERE user_id = CAST(%s AS bigint) AND expires_ms > %s) < %s"
    )


@cache
def _select() -> str:
    return (
        f"SELECT data, token, written_ms, expires_ms, previous FROM {RendezvousSession._meta.db_table} "
        "WHERE digest = %s AND expires_ms > %s"
    )


@cache
def _swap() -> str:
    return (
        f"UPDATE {RendezvousSession._meta.db_table} "
        "SET data = %s, previous = token, token = %s, written_ms = %s, writes = writes + 1 "
        "WHERE digest = %s AND token = %s AND expires_ms > %s AND previous <> %s RETURNING expires_ms"
    )


@cache
def _delete() -> str:
    return f"DELETE FROM {RendezvousSession._meta.db_table} WHERE digest = %s AND expires_ms > %s RETURNING expires_ms"


@cache
def _sweep() -> str:
    """The oldest rows, as far as they have expired."""
    table = RendezvousSession._meta.db_table
    skip = " FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    return f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT %s{skip}) AND expires_ms <= %s"


@cache
def _quick() -> str:
    return (
        "SELECT s.data, s.token, s.written_ms, s.expires_ms, "
        f"(SELECT number FROM {Revision._meta.db_table} WHERE name = 'rules'), "
        f"(SELECT position FROM {TurnedSwitch._meta.db_table} WHERE name = '{modes.NAME}') "
        f"FROM {RendezvousSession._meta.db_table} s WHERE s.digest = ? AND s.expires_ms > ?"
    )
