"""Answers about a token, remembered for less than a second where clients ask very often (R27).

Whatever ends a token, locks an account or changes the lists in this process forgets them all at its commit, so that
it counts with the next request here; in other processes it counts within the second. `TOKEN_CACHE=off` remembers
nothing.
"""

import time
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

_SECONDS = 0.45  # and the kinds of rules are remembered for half a second: together under one (policy.py)
_MOST = 10_000


class _Entry(NamedTuple):
    until: float
    seen: int
    answer: Any


_entries: dict[Any, _Entry] = {}
_generation = 0


def get(key: Any) -> Any:
    """What was remembered under the key, None when it is too old or was forgotten."""
    entry = _entries.get(key)
    is_good = entry is not None and entry.seen == _generation and entry.until > time.monotonic()
    return entry.answer if entry is not None and is_good else None


def generation() -> int:
    """How often everything was forgotten: read it before looking into the database, and give it to `put`."""
    return _generation


def put(key: Any, answer: Any, *, seen: int, life: float | None = None) -> None:
    """Remembers an answer that was true at generation `seen`, for at most `life` seconds.

    What ended between looking and remembering has raised the generation: such an answer is not kept.
    """
    if not settings.TOKEN_CACHE or seen != _generation or (life is not None and life <= 0):
        return
    if len(_entries) >= _MOST:
        _entries.clear()
    _entries[key] = _Entry(time.monotonic() + min(_SECONDS, life or _SECONDS), seen, answer)


def forget_on_commit() -> None:
    """Forgets everything when the caller's transaction is committed."""
    transaction.on_commit(forget)


def forget() -> None:
    """Forgets everything, also what is being looked up just now."""
    global _generation
    _generation += 1
    _entries.clear()
