"""Reading one account's row by constant SQL: the ORM's compiler would cost a returning user half of the whole login."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Field

from accounts.models import User, X25519Key

_FIELDS = User._meta.concrete_fields
_NAMES = [field.attname for field in _FIELDS]
_ACCOUNT = f"SELECT {', '.join(str(field.column) for field in _FIELDS)} FROM {User._meta.db_table} WHERE id = %s"
_OWNER_OF_KEY = f"SELECT user_id FROM {X25519Key._meta.db_table} WHERE public_key = %s"


def find(user_id: int, *, hold: bool = False) -> User | None:
    """The account; with `hold` its row is locked until the caller's transaction ends."""
    return _read(_ACCOUNT + (_row_lock() if hold else ""), [user_id])


def owner_of_x25519_key(public_key: str) -> int | None:
    """The id of the account that this canonical key opens."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNER_OF_KEY, [public_key])
        row = cursor.fetchone()
    return row[0] if row else None


def _read(statement: str, parameters: Sequence[Any]) -> User | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    return User.from_db(connection.alias, _NAMES, list(map(_from_row, _FIELDS, row))) if row else None


def _from_row(field: Field, value: Any) -> Any:
    """SQLite's driver gives numbers for truths, and UTC without saying so."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return bool(value) if isinstance(field, BooleanField) else value


def _row_lock() -> str:
    """SQLite's transactions exclude each other as a whole."""
    return " FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
