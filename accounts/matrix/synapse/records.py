"""What is read of a Synapse database, as Synapse keeps it: texts unchecked, moments as whole numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime

SECONDS, MILLISECONDS = 1, 1000


@dataclass(frozen=True, slots=True)
class Device:
    """A row of `devices` that is a device: rows of cross-signing keys are left out. `last_seen` in milliseconds."""

    device_id: str
    display_name: str
    user_agent: str
    ip: str
    last_seen: int | None


@dataclass(frozen=True, slots=True)
class Address:
    """A row of `user_threepids` whose medium is e-mail; both moments in milliseconds."""

    address: str
    validated_at: int | None
    added_at: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `users` with everything that belongs to it. `created` in seconds."""

    user_id: str
    password_hash: str
    created: int | None
    is_admin: bool
    is_guest: bool
    is_of_appservice: bool
    is_deactivated: bool
    is_shadow_banned: bool
    is_locked: bool
    is_suspended: bool
    is_unapproved: bool
    display_name: str
    devices: tuple[Device, ...]
    addresses: tuple[Address, ...]
    phone_numbers: int


def text(value: object) -> str:
    """What stands in a column of text; "" for NULL. SQLite keeps any type in any column."""
    return "" if value is None else str(value)


def number(value: object) -> int | None:
    """What stands in a column of whole numbers; None for NULL and for what is none."""
    return value if isinstance(value, int) else None


def moment(value: int | None, unit: int) -> datetime | None:
    """A moment in UTC; None for none, and for one that no calendar holds."""
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(value / unit, UTC)
    except (ValueError, OverflowError, OSError):
        return None
