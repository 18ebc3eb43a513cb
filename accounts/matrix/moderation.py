"""Locking and suspension by administrators over the client API (matrix.md §16)."""

from accounts import users
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named
from accounts.models import User
from accounts.tokens import Bearer


def is_locked(bearer: Bearer, user_id: str) -> bool:
    """Whether the account is locked; FORBIDDEN for people who administrate nothing, NOT_FOUND."""
    return _subject(bearer, user_id).locked_at is not None


def is_suspended(bearer: Bearer, user_id: str) -> bool:
    """Whether the account is suspended; FORBIDDEN, NOT_FOUND."""
    return _subject(bearer, user_id).suspended_at is not None


def lock(bearer: Bearer, user_id: str, *, locked: bool) -> None:
    """Locks or unlocks; FORBIDDEN also for oneself and for other administrators."""
    actor, user = _actor_and_subject(bearer, user_id)
    (users.lock if locked else users.unlock)(user, actor=actor)


def suspend(bearer: Bearer, user_id: str, *, suspended: bool) -> None:
    """Suspends or ends a suspension; FORBIDDEN also for oneself and for other administrators."""
    actor, user = _actor_and_subject(bearer, user_id)
    (users.suspend if suspended else users.unsuspend)(user, actor=actor)


def _actor_and_subject(bearer: Bearer, user_id: str) -> tuple[User, User]:
    user = _subject(bearer, user_id)
    if user.is_staff:  # so oneself too
        raise Refusal(Reason.FORBIDDEN)
    return users.by_id(bearer.user_id), user


def _subject(bearer: Bearer, user_id: str) -> User:
    if not bearer.administrator:
        raise Refusal(Reason.FORBIDDEN)
    name = accounts_named.name_in(user_id) if user_id.startswith("@") else None
    user = users.find(name) if name else None
    if user is None:
        raise Refusal(Reason.NOT_FOUND, field="user")
    return user
