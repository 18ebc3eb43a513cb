"""Names to accounts, without a query for each message (laverna.md §5).

Whoever is connected here is known; others are remembered for seconds. What is found is a number: rooms are made of
those, and no account ever gets the name another one had, so a name known too long leads to nobody else.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

from accounts import aio
from accounts.models import User

NOBODY = 0
_SECONDS, _SECONDS_NOBODY = 5.0, 1.0
_MOST = 10_000


class _Remembered(NamedTuple):
    until: float
    user_id: int


_here: dict[str, list[int]] = {}  # name → account, number of sockets
_others: dict[str, _Remembered] = {}


def arrived(name: str, user_id: int) -> None:
    """A socket of this account has opened."""
    entry = _here.setdefault(name, [user_id, 0])
    entry[0], entry[1] = user_id, entry[1] + 1


def left(name: str) -> None:
    """Undoes `arrived`."""
    entry = _here.get(name)
    if entry is not None:
        entry[1] -= 1
        if entry[1] <= 0:
            del _here[name]


def known(name: str) -> int | None:
    """The account of this folded name, NOBODY, or None when somebody has to look."""
    entry = _here.get(name)
    if entry is not None:
        return entry[0]
    remembered = _others.get(name)
    return remembered.user_id if remembered is not None and remembered.until > time.monotonic() else None


async def find(names: Iterable[str]) -> dict[str, int]:
    """The accounts of these folded names, NOBODY for those of none; at most one query."""
    found = {name: known(name) for name in names}
    missing = [name for name, user_id in found.items() if user_id is None]
    if missing:
        ids = await aio.call(_look_up, missing)
        _remember(missing, ids)
        found |= {name: ids.get(name, NOBODY) for name in missing}
    return {name: user_id or NOBODY for name, user_id in found.items()}


def forget() -> None:
    """Drops what is remembered of those who are not here; tests start with it."""
    _others.clear()


def _look_up(names: list[str]) -> dict[str, int]:
    rows = User.objects.filter(folded_username__in=names, deactivated_at=None)
    return dict(rows.values_list("folded_username", "pk"))


def _remember(names: list[str], ids: dict[str, int]) -> None:
    if len(_others) + len(names) > _MOST:
        _others.clear()
    now = time.monotonic()
    for name in names:
        user_id = ids.get(name, NOBODY)
        _others[name] = _Remembered(now + (_SECONDS if user_id else _SECONDS_NOBODY), user_id)
