"""What others see of an account (matrix.md §11)."""

from accounts import users
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, messages
from accounts.models import User
from accounts.tokens import Bearer

_LONGEST = 256  # characters of a display name


def display_name(user_id: str) -> str:
    """The display name of an account; NOT_FOUND for nobody, somebody deactivated, and other servers."""
    return _account(user_id).display_name


def set_display_name(bearer: Bearer, user_id: str, fields: messages.Fields) -> None:
    """Sets one's own display name; absent clears it. FORBIDDEN for another's, ACCOUNT_SUSPENDED."""
    name = messages.text(fields, "displayname")
    user = users.find(accounts_named.name_in(user_id) or "")
    if user is None or user.pk != bearer.user_id:
        raise Refusal(Reason.FORBIDDEN)
    if bearer.suspended:
        raise Refusal(Reason.ACCOUNT_SUSPENDED)
    if name is not None and len(name) > _LONGEST:
        raise Refusal(Reason.TOO_LARGE, field="display_name")
    users.set_display_name(bearer.user_id, name or "")


def _account(user_id: str) -> User:
    name = accounts_named.name_in(user_id) if user_id.startswith("@") else None
    user = users.find(name) if name else None
    if user is None or user.deactivated_at:
        raise Refusal(Reason.NOT_FOUND, field="user")
    return user
