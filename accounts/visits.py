"""What is known of the request or socket under way, for the line it leaves in the log (R51). Pure.

The roof begins a visit before anything else looks at the request; verbs note here who bears the token and why something
was refused, from whichever thread they run in: a pool's thread sees the same object through its context.
"""

import contextvars

from accounts.errors import Refusal

# What a device hears while it waits for its owner is an answer, no refusal (RFC 8628 §3.5).
_ANSWERS = frozenset({"authorization_pending", "slow_down"})


class Visit:
    """One request or socket. `user_id` is the account's primary key, 0 for nobody; `reason` why it was refused."""

    __slots__ = ("id", "ip", "reason", "user_id")

    def __init__(self, request_id: str, ip: str) -> None:
        self.id, self.ip = request_id, ip
        self.user_id = 0
        self.reason = ""


current: contextvars.ContextVar[Visit | None] = contextvars.ContextVar("visit", default=None)


def note_user(user_id: int) -> None:
    """Whose request it is."""
    visit = current.get()
    if visit is not None:
        visit.user_id = user_id


def user_id() -> int:
    """Whose request it is as far as anybody noted, else 0."""
    visit = current.get()
    return visit.user_id if visit is not None else 0


def note_refusal(refusal: Refusal) -> None:
    """Why it is refused; the last word counts."""
    visit = current.get()
    if visit is not None and refusal.field not in _ANSWERS:
        visit.reason = refusal.reason
