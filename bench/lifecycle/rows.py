"""Rows in bulk, written past the server into its SQLite file: accounts that can log in, and what has expired."""

import contextlib
import hashlib
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

_OLD = 400  # days: longer than anything is kept


def private_key(number: int) -> X25519PrivateKey:
    """The key of account `number`: made from the number, so that nobody has to keep a hundred thousand."""
    return X25519PrivateKey.from_private_bytes(hashlib.sha256(f"account {number}".encode()).digest())


def public_key(number: int) -> str:
    return "05" + private_key(number).public_key().public_bytes_raw().hex()


def insert_accounts(file: Path, count: int) -> None:
    """`count` accounts, each with a Session key, a confirmed address, two devices, three tokens, two audit events."""
    moment = _ago(30)
    with _fast(file) as connection:
        connection.executemany(
            "INSERT INTO accounts_user (id, password, is_superuser, sub, username, folded_username, display_name, "
            "is_staff, must_change_password, created_at) VALUES (?, '!', 0, ?, ?, ?, ?, 0, 0, ?)",
            ((n, _digest(n, "sub").hex()[:32], f"p{n}", f"p{n}", f"Person {n}", moment) for n in range(1, count + 1)),
        )
        connection.executemany(
            "INSERT INTO accounts_x25519key (user_id, public_key, created_at) VALUES (?, ?, ?)",
            ((n, public_key(n), moment) for n in range(1, count + 1)),
        )
        connection.executemany(
            'INSERT INTO account_emailaddress (user_id, email, verified, "primary") VALUES (?, ?, 1, 1)',
            ((n, f"p{n}@example.org") for n in range(1, count + 1)),
        )
        connection.executemany(
            "INSERT INTO accounts_device (id, user_id, kind, device_id, display_name, user_agent, created_at, "
            "last_seen_at) VALUES (?, ?, ?, ?, 'a telephone', '', ?, ?)",
            ((n, (n + 1) // 2, ("session", "matrix")[n % 2], f"D{n}", moment, moment) for n in range(1, 2 * count + 1)),
        )
        connection.executemany(_TOKEN, _tokens(3 * count, count, revoked=None))
        connection.executemany(_EVENT, ((_ago(n % 80), f"p{n % count + 1}") for n in range(2 * count)))


def insert_expired(file: Path, count: int, *, accounts: int) -> None:
    """`count` rows that a purge deletes: four in ten challenges, three tokens, three audit events."""
    old = _ago(_OLD)
    with _fast(file) as connection:
        connection.executemany(
            "INSERT INTO accounts_challenge (flow, purpose, digest, binding, facts, key_version, tries_left, "
            "created_at, expires_at) VALUES ('otp', 'code', ?, '', '{}', '', 0, ?, ?)",
            ((_digest(n, "challenge"), old, old) for n in range(count * 4 // 10)),
        )
        connection.executemany(_TOKEN, _tokens(count * 3 // 10, accounts, revoked=old))
        connection.executemany(_EVENT, ((old, f"p{n % accounts + 1}") for n in range(count * 3 // 10)))


_TOKEN = (
    "INSERT INTO accounts_token (user_id, device_id, flow, kind, digest, family, credential, client, scope, amr, "
    "issued_at, activated_at, revoked_at, revoked_for) VALUES (?, ?, 'session', 'access', ?, ?, '', '', '', 'hwk', "
    "?, ?, ?, '')"
)
_EVENT = (
    "INSERT INTO accounts_auditevent (at, event, outcome, reason, flow, actor, subject, request_id, facts) "
    "VALUES (?, 'login', 'success', '', 'session', '', ?, '', '{}')"
)


def _tokens(count: int, accounts: int, *, revoked: str | None) -> Iterator[tuple[object, ...]]:
    moment = revoked or _ago(1)
    for n in range(count):
        owner = n % accounts + 1
        digest = _digest(n, f"token {bool(revoked)}")
        yield owner, 2 * owner, digest, uuid.uuid4().hex, moment, moment, revoked


def _digest(number: int, kind: str) -> bytes:
    return hashlib.sha256(f"{kind} {number}".encode()).digest()


@contextlib.contextmanager
def _fast(file: Path) -> Iterator[sqlite3.Connection]:
    """Nobody else is there, and nothing is lost if the machine stops."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-1000000")
        yield connection
        connection.commit()


def _ago(days: float) -> str:
    """As Django writes moments into SQLite."""
    moment = datetime.now(UTC) - timedelta(days=days)
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
