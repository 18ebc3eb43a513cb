"""Which account a claim names (matrix.md §3, §6)."""

from django.conf import settings

from accounts import emails, patterns, users
from accounts.errors import Refusal
from accounts.matrix import identifiers
from accounts.matrix.messages import Claim
from accounts.models import User


def user_id(name: str) -> str:
    """The full id of the account with this name."""
    return identifiers.user_id(name, settings.MATRIX_SERVER_NAME)


def name_in(text: str) -> str | None:
    """The account name in a localpart or a full id of this server; None for another server's."""
    return identifiers.localpart(text, settings.MATRIX_SERVER_NAME)


def account_of(claim: Claim) -> User | None:
    """The account that a claim names: by name, or by a confirmed address."""
    if claim.kind == "email":
        return emails.owner(claim.value)
    name = name_in(claim.value) if claim.kind == "user" else None
    return users.find(name) if name is not None else None


def bucket_of(claim: Claim) -> str:
    """The text by which wrong passwords for a claim are counted: one for every spelling of a name or address."""
    if claim.kind == "email":
        try:
            return patterns.email_address(claim.value)
        except Refusal:
            return claim.value
    name = name_in(claim.value) if claim.kind == "user" else None
    return claim.value if name is None else name
