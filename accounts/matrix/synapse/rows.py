"""Rows of this installation made of Synapse's, not yet written."""

import secrets
from datetime import UTC, datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from accounts import clock, names, patterns
from accounts.errors import Refusal
from accounts.hashers import SynapseBcrypt
from accounts.matrix.synapse import records
from accounts.matrix.synapse.records import MILLISECONDS, SECONDS
from accounts.models import AddressRecord, Device, User

_ADDRESS_LENGTH = 254
_DEVICE_ID_LENGTH = 512
_UNKNOWN = datetime.fromtimestamp(0, UTC)


def created_at(account: records.Account) -> datetime:
    """When the account was made at Synapse; 1970 if it does not say. Tells an account taken over before from others."""
    return records.moment(account.created, SECONDS) or _UNKNOWN


def user(account: records.Account, name: str) -> User:
    """The account, of one that stands nowhere here."""
    now = clock.now()
    password = "" if account.is_deactivated else SynapseBcrypt.stored(account.password_hash)
    return User(
        username=name,
        folded_username=names.fold(name),
        display_name="" if account.is_deactivated else cleaned(account.display_name, 256),
        password=password or UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20),
        created_at=created_at(account),
        deactivated_at=now if account.is_deactivated else None,
        locked_at=now if account.is_locked or account.is_unapproved else None,
        suspended_at=now if account.is_suspended else None,
    )


def is_readable(password_hash: str) -> bool:
    """Whether it is a hash that will verify here."""
    return bool(SynapseBcrypt.stored(password_hash))


def is_usable(device: records.Device) -> bool:
    """Whether the id can be one here: 1–512 characters without control characters."""
    return 0 < len(device.device_id) <= _DEVICE_ID_LENGTH and device.device_id.isprintable()


def device(owner: User, source: records.Device) -> Device:
    """A Matrix device of the account."""
    ip = patterns.address(source.ip)
    return Device(
        user=owner,
        kind=Device.Kind.MATRIX,
        device_id=source.device_id,
        display_name=cleaned(source.display_name, 256),
        user_agent=cleaned(source.user_agent, 1024),
        last_seen_at=records.moment(source.last_seen, MILLISECONDS),
        last_seen_ip=str(ip) if ip else None,
    )


def address(
    owner: User, canonical: str, source: records.Address, *, primary: bool
) -> tuple[EmailAddress, AddressRecord]:
    """A confirmed address of the account, and since when."""
    row = EmailAddress(user=owner, email=canonical, verified=True, primary=primary)
    validated_at = records.moment(source.validated_at, MILLISECONDS)
    added_at = records.moment(source.added_at, MILLISECONDS) or validated_at or clock.now()
    return row, AddressRecord(address=row, validated_at=validated_at, added_at=added_at)


def canonical_address(text: str) -> str:
    """The address as it is compared; "" for what is none."""
    try:
        found = patterns.email_address(text)
    except Refusal:
        return ""
    return found if len(found) <= _ADDRESS_LENGTH else ""


def cleaned(text: str, length: int) -> str:
    """What somebody called something, without characters that cannot be stored or would disturb a page, cut."""
    return "".join(char if char.isprintable() else " " for char in text)[:length]
