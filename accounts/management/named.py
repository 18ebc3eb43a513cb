"""The account an operator names."""

from django.core.management.base import CommandError

from accounts import users
from accounts.errors import Refusal
from accounts.keys import canonical_x25519
from accounts.models import User


def account_named(text: str) -> User:
    """The account of this name or Session key; a key that moved names the account it opens now."""
    user = _of_key(text) or users.find(text)
    if user is None:
        raise CommandError(f"no account named {text}")
    return user


def _of_key(text: str) -> User | None:
    try:
        return users.of_x25519_key(canonical_x25519(text))
    except Refusal:
        return None
