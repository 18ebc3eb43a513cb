"""What an administrator may do to accounts: one table for the page of an account and for the list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts import credentials, second_factors, users
from accounts.models import User


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of `users`, with its words. `applies` says for which accounts it makes sense."""

    name: str
    label: str
    done: str
    consequence: str
    do: Callable[..., Any]
    applies: Callable[[User], bool]
    spares_self: bool = True
    grave: bool = False


def _is(state: str) -> Callable[[User], bool]:
    return lambda user: not user.deactivated_at and getattr(user, f"{state}_at") is not None


def _is_not(state: str) -> Callable[[User], bool]:
    return lambda user: not user.deactivated_at and getattr(user, f"{state}_at") is None


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "lock",
            "Lock",
            "locked",
            "Every token is refused and every socket closed at once. Unlocking gives the tokens back.",
            users.lock,
            _is_not("locked"),
        ),
        Verb("unlock", "Unlock", "unlocked", "The tokens that still live work again.", users.unlock, _is("locked")),
        Verb(
            "suspend",
            "Suspend",
            "suspended",
            "The account can sign in, but cannot change what others see of it.",
            users.suspend,
            _is_not("suspended"),
        ),
        Verb(
            "unsuspend",
            "End suspension",
            "no longer suspended",
            "The account can do everything again.",
            users.unsuspend,
            _is("suspended"),
        ),
        Verb(
            "end_sessions",
            "End all sessions",
            "signed out everywhere",
            "Every token and device of every door ends. The credentials stay: whoever has them can sign in again.",
            users.end_all_sessions,
            lambda user: not user.deactivated_at,
            spares_self=False,
        ),
        Verb(
            "remove_second_factors",
            "Remove second factors",
            "without a second factor",
            "App, passkeys and recovery codes go: the password alone opens the account. Be sure who asked you for it.",
            credentials.remove_second_factors,
            lambda user: not user.deactivated_at and second_factors.of(user).any,
        ),
        Verb(
            "deactivate",
            "Deactivate",
            "deactivated",
            "This cannot be undone. Tokens, devices, password, addresses and OpenPGP keys go; the name stays taken.",
            users.deactivate,
            lambda user: not user.deactivated_at,
            grave=True,
        ),
    )
}


def own_account(verb: Verb) -> str:
    """Why an administrator may not do this to the account in use."""
    return (
        f"You are signed in with this account, so you cannot {verb.label.lower()} it. Let another administrator do it."
    )
