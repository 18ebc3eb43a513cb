"""A Synapse database with Synapse's own tables, as far as accounts go: SQLite, or Postgres if the suite runs there."""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bcrypt
import psycopg

SERVER = "example.org"

TABLES = (
    """CREATE TABLE users (
        name TEXT, password_hash TEXT, creation_ts BIGINT, admin SMALLINT DEFAULT 0 NOT NULL, upgrade_ts BIGINT,
        is_guest SMALLINT DEFAULT 0 NOT NULL, appservice_id TEXT, consent_version TEXT,
        consent_server_notice_sent TEXT, user_type TEXT, deactivated SMALLINT DEFAULT 0 NOT NULL,
        shadow_banned BOOLEAN, consent_ts BIGINT, approved BOOLEAN, locked BOOLEAN DEFAULT FALSE NOT NULL,
        suspended BOOLEAN DEFAULT FALSE NOT NULL, UNIQUE (name))""",
    "CREATE INDEX users_creation_ts ON users (creation_ts)",
    """CREATE TABLE profiles (
        user_id TEXT NOT NULL, displayname TEXT, avatar_url TEXT, full_user_id TEXT NOT NULL, UNIQUE (user_id))""",
    "CREATE UNIQUE INDEX profiles_full_user_id_key ON profiles (full_user_id)",
    """CREATE TABLE devices (
        user_id TEXT NOT NULL, device_id TEXT NOT NULL, display_name TEXT, last_seen BIGINT, ip TEXT,
        user_agent TEXT, hidden BOOLEAN DEFAULT FALSE, CONSTRAINT device_uniqueness UNIQUE (user_id, device_id))""",
    """CREATE TABLE user_threepids (
        user_id TEXT NOT NULL, medium TEXT NOT NULL, address TEXT NOT NULL, validated_at BIGINT NOT NULL,
        added_at BIGINT NOT NULL)""",
    "CREATE INDEX user_threepids_user_id ON user_threepids (user_id)",
    "CREATE UNIQUE INDEX medium_address ON user_threepids (medium, address)",
    "CREATE TABLE erased_users (user_id TEXT NOT NULL)",
    "CREATE UNIQUE INDEX erased_users_user ON erased_users (user_id)",
)
CREATED = 1_600_000_000  # seconds
SEEN = 1_700_000_000_000  # milliseconds


@cache
def hash_of(password: str, rounds: int = 4) -> str:
    """What Synapse stores for a password."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


@dataclass(frozen=True, slots=True)
class SynapseDatabase:
    """`where` is what `import_synapse` is given."""

    where: str
    connection: Any

    @property
    def is_postgres(self) -> bool:
        return isinstance(self.connection, psycopg.Connection)

    def execute(self, sql: str, *values: object) -> None:
        self.connection.execute(sql.replace("?", "%s") if self.is_postgres else sql, values)
        self.connection.commit()

    def insert(self, table: str, rows: Iterable[dict[str, object]]) -> None:
        """Rows that name the same columns."""
        found = list(rows)
        columns = list(found[0])
        mark = "%s" if self.is_postgres else "?"
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"
        self.connection.cursor().executemany(sql, [list(row.values()) for row in found])
        self.connection.commit()

    def user(
        self, localpart: str, *, server: str = SERVER, password: str = "", shown: str = "", **columns: object
    ) -> str:
        """One user with a profile; answers the user id."""
        user_id = f"@{localpart}:{server}"
        row = {"name": user_id, "creation_ts": CREATED, "password_hash": hash_of(password) if password else None}
        self.insert("users", [row | columns])
        if shown:
            self.insert("profiles", [{"user_id": localpart, "displayname": shown, "full_user_id": user_id}])
        return user_id

    def device(self, user_id: str, device_id: str, **columns: object) -> None:
        row: dict[str, object] = {"user_id": user_id, "device_id": device_id, "last_seen": SEEN}
        self.insert("devices", [row | columns])

    def address(self, user_id: str, address: str, *, medium: str = "email", at: int = SEEN) -> None:
        row: dict[str, object] = {"user_id": user_id, "medium": medium, "address": address}
        self.insert("user_threepids", [row | {"validated_at": at, "added_at": at + 1}])


@contextlib.contextmanager
def synapse_database(folder: Path, tables: Sequence[str] = TABLES) -> Iterator[SynapseDatabase]:
    """An empty one, gone at the end."""
    server_url = os.environ.get("DATABASE_URL", "")
    if not server_url.startswith("postgres"):
        file = folder / "homeserver.db"
        with contextlib.closing(sqlite3.connect(file)) as connection:
            yield _with_tables(SynapseDatabase(str(file), connection), tables)
        return
    name = f"latchkey_synapse_{secrets.token_hex(6)}"
    url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]  # our own random name
        try:
            with psycopg.connect(url) as connection:
                yield _with_tables(SynapseDatabase(url, connection), tables)
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[call-overload]


def _with_tables(database: SynapseDatabase, tables: Sequence[str]) -> SynapseDatabase:
    for statement in tables:
        database.execute(statement)
    return database
