"""What a store of rendezvous sessions does, whichever it is. Shared by `store_database` and `store_redis`."""

from typing import NamedTuple, Protocol

from accounts.errors import Reason, Refusal
from devicelogin.rendezvous.protocol import Form, Held

FULL = 30.0  # seconds after which a creation may be tried again, where nothing better is known


class New(NamedTuple):
    """A session to be made. Unix milliseconds; `address` as limits know it."""

    session_id: str
    form: Form
    held: Held
    address: str
    user_id: int | None

    @property
    def created_ms(self) -> int:
        """Making it was the first write."""
        return self.held.written_ms


class Caps(NamedTuple):
    """How many sessions may live at a time: of everybody, of an address, of an account."""

    everybody: int
    address: int
    user: int


class Written(NamedTuple):
    """How a write ended: whether it was the one that won, the state that counts now, and the one before."""

    won: bool
    held: Held
    previous: str


class Listed(NamedTuple):
    """A live session as an administrator sees it: never what it holds, never its id."""

    form: Form
    store: str
    address: str
    user_id: int | None
    created_ms: int
    expires_ms: int
    writes: int
    size: int


class Store(Protocol):
    """Every moment is the caller's, in unix milliseconds; a session that has expired is not there."""

    letter: str

    def create(self, new: New, caps: Caps) -> None:
        """Keeps a session; RATE_LIMITED when as many live as may. None ever makes room for another."""

    def find(self, session_id: str, now_ms: int) -> Held | None:
        """The session as it is."""

    def write(self, session_id: str, *, seen: str, data: bytes, token: str, now_ms: int) -> Written | None:
        """Puts the data in under the new token, if `seen` is the token in force: one step, so that one of many wins.

        Not if the new token is that of this state or the last: then this write has been done.
        """

    def delete(self, session_id: str, now_ms: int) -> bool:
        """Whether there was one to delete."""

    def counts(self, now_ms: int) -> dict[Form, int]:
        """How many live."""

    def listed(self, now_ms: int, *, most: int) -> list[Listed]:
        """Those that will live longest."""


def full(cap: str, retry_after: float = FULL) -> Refusal:
    """As many live as may."""
    return Refusal(Reason.RATE_LIMITED, field="sessions", retry_after=max(1.0, retry_after), detail=f"cap: {cap}")
