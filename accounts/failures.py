"""Wrong secrets of the last moment, counted in this process until `guessers.take_up` writes them down.

Requests only count here: no statement, no lock of the database. The audit log tells who failed (`audit.record`), by the
address of `addresses.client_address`, so that nobody can have another address blocked (R39).
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.errors import Reason
from accounts.models import AuditEvent

ADMIN = "admin"
_MOST = 10_000  # kinds of failure between two writings; beyond it names are left out, then addresses
# What means a wrong secret. Limits, lists and locked accounts do not, nor tokens that ran out while a client slept.
_WRONG = {
    ("login", Reason.CREDENTIAL_WRONG),
    ("login", Reason.CHALLENGE_INVALID),
    ("login-code", Reason.CREDENTIAL_WRONG),
    ("second-factor", Reason.CREDENTIAL_WRONG),
    ("user-code", Reason.CREDENTIAL_WRONG),
    ("admin-login", Reason.CREDENTIAL_WRONG),
    ("admin-password-asked", Reason.CREDENTIAL_WRONG),
}
_OF_ADMIN = {"admin-login", "admin-password-asked"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Where somebody failed: from which address, at which door, with whose name, "" for nobody's."""

    ip: str
    door: str
    account: str


@dataclass(slots=True)
class Tally:
    """How often, and when first and last."""

    count: int
    first_at: datetime
    last_at: datetime

    def add(self, other: "Tally") -> None:
        """Both together."""
        self.count += other.count
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)


_tallies: dict[Failure, Tally] = {}
_lock = threading.Lock()


def note(event: AuditEvent) -> None:
    """Counts a refused event if it means a wrong secret."""
    if (event.event, event.reason) not in _WRONG:
        return
    door = ADMIN if event.event in _OF_ADMIN else event.flow
    found = Failure(event.ip or "", door, event.subject.lower())
    _put([(found, Tally(1, event.at, event.at))])


def take() -> list[tuple[Failure, Tally]]:
    """All since the last call."""
    with _lock:
        taken = list(_tallies.items())
        _tallies.clear()
    return taken


def put_back(taken: Iterable[tuple[Failure, Tally]]) -> None:
    """Undoes `take`, for a database that did not answer."""
    _put(taken)


def _put(found: Iterable[tuple[Failure, Tally]]) -> None:
    with _lock:
        for failure, tally in found:
            key = failure
            if len(_tallies) >= _MOST and key not in _tallies:
                key = Failure(failure.ip, failure.door, "")
            if key in _tallies:
                _tallies[key].add(tally)
            elif len(_tallies) < 2 * _MOST:
                _tallies[key] = tally
