"""Mails that tell a person what happened to what opens their account, so that a stranger's doing is noticed."""

from accounts import emails, mail
from accounts.models import User

PASSWORD, FACTOR_ADDED, FACTOR_REMOVED, CODES, CONNECTED, RECOVERY = (
    "password",
    "factor-added",
    "factor-removed",
    "codes",
    "connected",
    "recovery",
)
ADDRESS_ADDED, ADDRESS_PRIMARY, ADDRESS_REMOVED, KEY_ADDED, KEY_REMOVED, CLOSED = (
    "address-added",
    "address-primary",
    "address-removed",
    "key-added",
    "key-removed",
    "closed",
)


def tell(user: User, what: str) -> None:
    """Queues it to the primary confirmed address, in the caller's transaction; nothing without one."""
    addresses = emails.confirmed(user.pk)
    if addresses:
        mail.send("page-notice", to=addresses[0], facts={"username": user.username, "what": what})
