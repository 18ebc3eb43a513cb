"""Rows in bulk, written past the server into its SQLite file."""

import contextlib
import hashlib
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.live import Database

_TOKENS_PER_PERSON = 10


def insert_tokens(database: Database, count: int, *, asked: int) -> list[str]:
    """`count` live Session tokens, ten a person; the texts of `asked` of them, spread over all."""
    people = max(1, count // _TOKENS_PER_PERSON)
    moment = _text(datetime.now(UTC))
    with contextlib.closing(database.connect()) as connection:
        connection.executemany(
            "INSERT INTO accounts_user (id, password, is_superuser, sub, username, folded_username, display_name, "
            "is_staff, must_change_password, created_at) VALUES (?, '!', 0, ?, ?, ?, '', 0, 0, ?)",
            ((n, secrets.token_hex(16), _key(n), _key(n), moment) for n in range(1, people + 1)),
        )
        connection.executemany(
            "INSERT INTO accounts_x25519key (user_id, public_key, created_at) VALUES (?, ?, ?)",
            ((n, _key(n), moment) for n in range(1, people + 1)),
        )
        connection.executemany(
            "INSERT INTO accounts_device (id, user_id, kind, device_id, display_name, user_agent, created_at) "
            "VALUES (?, ?, 'session', ?, 'Session', '', ?)",
            ((n, n, secrets.token_hex(16), moment) for n in range(1, people + 1)),
        )
        connection.executemany(_TOKEN, _token_rows(count, people, moment))
        connection.execute("ANALYZE")
        connection.commit()
    step = max(1, count // asked)
    return [_secret(number) for number in range(0, count, step)][:asked]


def insert_rules(database: Database, count: int) -> None:
    """`count` deny rules on keys that nobody has."""
    moment = _text(datetime.now(UTC))
    with contextlib.closing(database.connect()) as connection:
        connection.executemany(
            "INSERT INTO accounts_accessrule (effect, field, pattern, flow, lookup, shape, enabled, note, created_at) "
            "VALUES ('deny', 'pubkey', ?, 'session', ?, 'pubkey', 1, '', ?)",
            ((key, f"pubkey={key}", moment) for key in (f"05{secrets.token_hex(32)}" for _ in range(count))),
        )
        connection.execute("INSERT OR REPLACE INTO accounts_revision (name, number) VALUES ('rules', 1)")
        connection.execute("ANALYZE")
        connection.commit()


_TOKEN = (
    "INSERT INTO accounts_token (user_id, device_id, flow, kind, digest, family, credential, scope, amr, issued_at, "
    "activated_at, idle_seconds, idle_until, last_used_at, revoked_for) "
    "VALUES (?, ?, 'session', 'access', ?, ?, ?, '', 'hwk', ?, ?, 15552000, ?, ?, '')"
)


def _token_rows(count: int, people: int, moment: str) -> Iterator[tuple[object, ...]]:
    idle_until = _text(datetime.now(UTC) + timedelta(days=180))
    used = _text(datetime.now(UTC) + timedelta(hours=1))  # no last use is due to be written while this is measured
    for number in range(count):
        person = number % people + 1
        digest = hashlib.sha256(_secret(number).encode()).digest()
        yield person, person, digest, uuid.uuid4().hex, _key(person), moment, moment, idle_until, used


def _secret(number: int) -> str:
    return f"{number:096d}"


def _key(number: int) -> str:
    return f"05{number:064x}"


def _text(moment: datetime) -> str:
    """As Django writes moments into SQLite."""
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
