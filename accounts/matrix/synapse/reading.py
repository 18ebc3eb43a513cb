"""The accounts of a Synapse database, of any version of its tables since 2019."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from accounts.matrix.synapse.databases import Database, Row, Unreadable
from accounts.matrix.synapse.records import Account, Address, Device, number, text

# Column and whether a database without it is no Synapse database; older ones lack the others.
_TABLES = {
    "users": ("name", "password_hash", "creation_ts"),
    "profiles": ("user_id", "displayname"),
    "devices": ("user_id", "device_id", "display_name"),
    "user_threepids": ("user_id", "medium", "address"),
}
_OF_USERS = (
    "name",
    "password_hash",
    "creation_ts",
    "admin",
    "is_guest",
    "appservice_id",
    "deactivated",
    "shadow_banned",
    "locked",
    "suspended",
    "approved",
)
_OF_DEVICES = ("user_id", "device_id", "display_name", "user_agent", "ip", "last_seen", "hidden")
_OF_ADDRESSES = ("user_id", "medium", "address", "validated_at", "added_at")


def check(database: Database) -> None:
    """Unreadable unless it has the tables of a Synapse."""
    for table, needed in _TABLES.items():
        columns = database.columns(table)
        if not columns:
            raise Unreadable(f"this is no Synapse database: there is no table {table}")
        for name in needed:
            if name not in columns:
                raise Unreadable(f"this is no Synapse database: table {table} has no column {name}")


def count(database: Database) -> int:
    """How many rows `users` has."""
    return int(database.rows("SELECT COUNT(*) FROM users")[0][0])


def accounts(database: Database, size: int) -> Iterator[list[Account]]:
    """All accounts, `size` at a time. Of names that differ in capitals only, the one without capitals comes first."""
    erased = "NULL"
    if database.columns("erased_users"):
        erased = "EXISTS (SELECT 1 FROM erased_users WHERE erased_users.user_id = users.name)"
    order = "CASE WHEN name = lower(name) THEN 0 ELSE 1 END, name"
    columns = _columns(database, "users", _OF_USERS)
    for rows in database.stream(f"SELECT {columns}, {erased} FROM users ORDER BY {order}", size):  # noqa: S608  # constants
        yield list(_with_belongings(database, rows))


def localpart(user_id: str) -> str:
    """The part before the server name, without the `@`."""
    return user_id[1:].partition(":")[0]


def _with_belongings(database: Database, rows: list[Row]) -> Iterator[Account]:
    ids = [text(row[0]) for row in rows]
    names = {text(name): text(shown) for name, shown in _of_profiles(database, [localpart(one) for one in ids])}
    devices, addresses = _devices(database, ids), _addresses(database, ids)
    for user_id, row in zip(ids, rows, strict=True):
        _, password, created, admin, guest, appservice, deactivated, banned, locked, suspended, approved, erased = row
        found = addresses[user_id]
        yield Account(
            user_id=user_id,
            password_hash=text(password),
            created=number(created),
            is_admin=bool(admin),
            is_guest=bool(guest),
            is_of_appservice=bool(appservice),
            is_deactivated=bool(deactivated or erased),
            is_shadow_banned=bool(banned),
            is_locked=bool(locked),
            is_suspended=bool(suspended),
            is_unapproved=approved is not None and not approved,
            display_name=names.get(localpart(user_id), ""),
            devices=tuple(devices[user_id]),
            addresses=tuple(one for one in found if one is not None),
            phone_numbers=found.count(None),
        )


def _of_profiles(database: Database, localparts: list[str]) -> list[Row]:
    return _belonging(database, "profiles", ("user_id", "displayname"), localparts)


def _devices(database: Database, ids: list[str]) -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = defaultdict(list)
    for owner, device_id, shown, agent, ip, last_seen, hidden in _belonging(database, "devices", _OF_DEVICES, ids):
        if not hidden:  # a cross-signing key otherwise
            found[text(owner)].append(Device(text(device_id), text(shown), text(agent), text(ip), number(last_seen)))
    return found


def _addresses(database: Database, ids: list[str]) -> dict[str, list[Address | None]]:
    """The e-mail addresses of these accounts in the order they were added; None for each other identifier."""
    found: dict[str, list[Address | None]] = defaultdict(list)
    rows = _belonging(database, "user_threepids", _OF_ADDRESSES, ids)
    for owner, medium, address, validated_at, added_at in sorted(
        rows, key=lambda row: (number(row[4]) or 0, text(row[2]))
    ):
        is_email = medium == "email"
        found[text(owner)].append(Address(text(address), number(validated_at), number(added_at)) if is_email else None)
    return found


def _belonging(database: Database, table: str, columns: Iterable[str], owners: list[str]) -> list[Row]:
    marks = ", ".join([database.mark] * len(owners))
    shown = _columns(database, table, columns)
    return database.rows(f"SELECT {shown} FROM {table} WHERE user_id IN ({marks})", owners)  # noqa: S608  # constants


def _columns(database: Database, table: str, wanted: Iterable[str]) -> str:
    """These columns for a SELECT, NULL for those an older Synapse does not have."""
    there = database.columns(table)
    return ", ".join(name if name in there else "NULL" for name in wanted)
