"""A request whose transaction lost against another is done once more (R57).

Postgres ends one of two transactions that stand in each other's way: a deadlock, or a conflict under an isolation level
that an operator asked for. The request begins anew, as its client would begin it after the 503 that it is spared. What
such a request has counted before (wrong codes, limits) stays counted, and what it has committed before stays committed:
that holds for a client's second try too.
"""

import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from django.db import Error

Result = TypeVar("Result")
MOST = 3  # tries after the first
_PAUSE = 0.02  # seconds; up to twice as long before each further try, so that the two do not meet again
_CONFLICTS = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected

_lost: ContextVar[bool] = ContextVar("lost", default=False)


def is_conflict(error: BaseException | None) -> bool:
    """Whether a transaction ended only because of another."""
    while error is not None:
        if getattr(error, "sqlstate", None) in _CONFLICTS:
            return True
        error = error.__cause__
    return False


def note(error: BaseException) -> None:
    """Called where an error becomes an answer: `answering` asks whether that answer may be thrown away."""
    if is_conflict(error):
        _lost.set(True)


def calling(function: Callable[[], Result]) -> Result:
    """The result of a function that raises what the database says."""
    for tried in range(MOST):
        try:
            return function()
        except Error as error:
            if not is_conflict(error):
                raise
        _pause(tried)
    return function()


def answering(function: Callable[[], Result]) -> Result:
    """The same of a function that answers whatever happens."""
    for tried in range(MOST):
        _lost.set(False)
        result = function()
        if not _lost.get():
            return result
        _pause(tried)
    return function()


def _pause(tried: int) -> None:
    time.sleep(_PAUSE * 2**tried * (1 + secrets.randbelow(100) / 100))
