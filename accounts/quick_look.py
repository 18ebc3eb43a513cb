"""Looking a token up on the event loop itself: SQLite only, one read, nothing that waits (architecture.md §5).

A reader of SQLite's write-ahead log waits for nobody, and a thread's hop costs more than the whole look. What would
need a write or a decision (a first use, a last use to note, rules of the lists) is left to the ordinary way.
"""

import logging
import sqlite3
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from accounts import clock, policy, tokens, visits
from accounts.models import Device, Revision, Token, User

_log = logging.getLogger("latchkey.tokens")
_reader: sqlite3.Connection | None = None


class Seen(NamedTuple):
    """What a look tells of a live token that needs nothing else. `expires_at` is SQLite's text, "" without end."""

    username: str
    device_id: str | None
    scope: str
    expires_at: str
    flow: str
    client: str
    sub: str
    issued_at: str


def find(secret: str) -> Seen | None:
    """The bearer of a live access token of any flow; None where the ordinary way has to be taken."""
    now, stale = moments()
    row = one(_statement(), (now, now, tokens.digest(secret), stale))
    if row is None:
        return None
    username, device_id, scope, expires_at, flow, client, sub, issued_at, user_id, revision = row
    if not policy.is_silent(flow, revision or 0):
        return None
    visits.note_user(user_id)
    return Seen(username, device_id, scope, expires_at or "", flow, client, sub, issued_at)


def one(statement: str, parameters: tuple[Any, ...]) -> Any:
    """The first row of a constant query; None where there is none, or the ordinary way has to be taken."""
    if not _is_sqlite():
        return None
    try:
        rows = (_reader or _opened()).execute(statement, parameters).fetchall()
    except sqlite3.Error as error:  # locked while it recovers, gone: the ordinary way waits, or tells
        _log.info("no quick look: %s", type(error).__name__)
        forget()
        return None
    return rows[0] if rows else None


def moments() -> tuple[str, str]:
    """The end of this second, and since when a token's last use is noted lately enough, as Django writes them for
    SQLite. What expires within the second is left to the ordinary way, which is exact."""
    return _moments(int(clock.seconds()))


def moment_of(text: str) -> datetime:
    """An aware moment from SQLite's text."""
    return datetime.fromisoformat(text + "+00:00")


def forget() -> None:
    """Closes the reader; the next look opens another."""
    global _reader
    if _reader is not None:
        _reader.close()
    _reader = None


def _opened() -> sqlite3.Connection:
    global _reader
    name = quote(str(connection.settings_dict["NAME"]))
    _reader = sqlite3.connect(f"file:{name}?mode=ro", uri=True, timeout=0, isolation_level=None)
    return _reader


@cache
def _is_sqlite() -> bool:
    return bool(connection.vendor == "sqlite")


@lru_cache(maxsize=1)
def _moments(second: int) -> tuple[str, str]:
    moment = datetime.fromtimestamp(second + 1, UTC)
    return _text(moment), _text(clock.after(-settings.TOKEN_TOUCH_INTERVAL, moment))


def _text(moment: datetime) -> str:
    return str(moment.replace(tzinfo=None))


@cache
def _statement() -> str:
    """As `token_rows`, and: not locked, used since it was made, its last use noted not long ago."""
    token, user, device = Token._meta.db_table, User._meta.db_table, Device._meta.db_table
    return (
        "SELECT u.username, d.device_id, t.scope, t.expires_at, t.flow, t.client, u.sub, t.issued_at, u.id, "
        f"(SELECT number FROM {Revision._meta.db_table} WHERE name = 'rules') "
        f"FROM {token} t JOIN {user} u ON u.id = t.user_id LEFT JOIN {device} d ON d.id = t.device_id "
        "WHERE (t.expires_at IS NULL OR t.expires_at > ?) AND (t.idle_until IS NULL OR t.idle_until > ?) "
        "AND t.digest = ? AND t.kind = 'access' AND t.activated_at IS NOT NULL AND t.revoked_at IS NULL "
        "AND u.deactivated_at IS NULL AND u.locked_at IS NULL AND (t.parent_id IS NULL OR t.used_at IS NOT NULL) "
        "AND t.last_used_at > ?"
    )
