"""What the directory knows of a person: the account and its one published key, by constant SQL (laverna.md §2)."""

import re
from dataclasses import dataclass
from functools import cache

from django.db import connection

from accounts import names
from accounts.models import Flow, OpenPGPKey, User

FLOW = Flow.OPENPGP
_LONGEST_NAME = 255
_NO_NAME = re.compile("[\\x00-\\x20\\x7f\ud800-\udfff]")  # nor could a database be asked for all of these


@dataclass(frozen=True, slots=True)
class Known:
    """What a session token needs to know of an account of this door."""

    user_id: int
    username: str
    folded: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Person:
    """An account of this door. `username` is the stored name, `folded` the one that is compared; `armored` is the key
    as it was uploaded."""

    user_id: int
    username: str
    folded: str
    locked: bool
    fingerprint: str
    armored: str

    def render(self) -> dict[str, str]:
        """The directory's answer: these three and no other."""
        return {"username": self.username, "fingerprint": self.fingerprint, "publicKey": self.armored}


def folded(username: str) -> str:
    """The name as it is looked up: without blanks around it, folded; "" for what is no account's name.

    Also names that nobody could choose today are found: imported ones, and those of other doors (one-origin.md §3).
    """
    name = names.fold(username.strip())
    return "" if len(name) > _LONGEST_NAME or _NO_NAME.search(name) else name


def known(username: str) -> Known | None:
    """`person` without the key, which may be long; one indexed query."""
    name = folded(username)
    if not name:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            _statement("u.id, u.username, u.folded_username, k.fingerprint", "u.folded_username = %s"), [name]
        )
        row = cursor.fetchone()
    return Known(*row) if row else None


def person(username: str) -> Person | None:
    """Who has this name and a published key; one indexed query."""
    name = folded(username)
    return _one("u.folded_username = %s", name) if name else None


def person_of_key(fingerprint: str) -> Person | None:
    """Whose published key has this fingerprint, 40 or 64 lower-case hex digits; one indexed query."""
    return _one("k.fingerprint = %s", fingerprint)


def person_by_id(user_id: int) -> Person | None:
    """The account with this number, if it has a published key; one indexed query."""
    return _one("u.id = %s", user_id)


@cache
def _statement(columns: str, condition: str) -> str:
    return (
        f"SELECT {columns} "
        f"FROM {User._meta.db_table} u JOIN {OpenPGPKey._meta.db_table} k ON k.user_id = u.id "
        f"WHERE {condition} AND k.is_published AND u.deactivated_at IS NULL"
    )


def _one(condition: str, value: str | int) -> Person | None:
    columns = "u.id, u.username, u.folded_username, u.locked_at, k.fingerprint, k.armored"
    with connection.cursor() as cursor:
        cursor.execute(_statement(columns, condition), [value])
        row = cursor.fetchone()
    if row is None:
        return None
    user_id, username, folded_name, locked_at, fingerprint, armored = row
    return Person(user_id, username, folded_name, locked_at is not None, fingerprint, armored)
