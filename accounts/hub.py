"""From services to live sockets (socketio.md §4).

`recheck` makes sockets ask again whether they may live: it is written as a row in the transaction that caused it, so
that it is never lost and reaches every process, with and without Redis; each server process reads new rows every half
second (`idp/background.py`). What sockets say to each other goes by `accounts.relay`.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from accounts import clock, recent, throttle
from accounts.models import Notice

EVERYONE = "everyone"
RECHECK = "recheck"
_NOTICE_LIFETIME = 600.0  # seconds a process has to read a notice; it reads every half second, if the database is there
_LATE = 60.0  # seconds that a transaction may take from writing a notice to its commit


def group(kind: str, *parts: object) -> str:
    """A group name made of a typed tuple, hashed: no user's or device's name can imitate another (R46)."""
    text = "\0".join([kind, *(f"{len(str(part))}:{part}" for part in parts)])
    return f"{kind}.{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def family_group(family: uuid.UUID | str) -> str:
    """The sockets that live on the tokens of one login."""
    return group("family", str(family).replace("-", ""))


def user_group(user_id: int) -> str:
    """All sockets of an account."""
    return group("user", user_id)


def address_groups(ip: str) -> tuple[str, str]:
    """The sockets of a client address (IPv6: of its /64), and of its network."""
    return network_group(throttle.address_key(ip)), network_group(throttle.network_key(ip))


def network_group(network: str) -> str:
    """The sockets that come from here, as `throttle` writes addresses and networks."""
    return group("network", network)


_here: dict[str, set[Callable[[str, dict[str, Any]], None]]] = {}


def join(group_name: str, hear: Callable[[str, dict[str, Any]], None]) -> None:
    """A socket of this process hears what is delivered to the group; called on the event loop."""
    _here.setdefault(group_name, set()).add(hear)


def leave(group_name: str, hear: Callable[[str, dict[str, Any]], None]) -> None:
    """Undoes `join`."""
    members = _here.get(group_name, set())
    members.discard(hear)
    if not members:
        _here.pop(group_name, None)


def deliver_here(group_name: str, event: str, data: dict[str, Any]) -> None:
    """Hands an event to the sockets of this process; called on the event loop."""
    for hear in tuple(_here.get(group_name, ())):
        hear(event, data)


def recheck(groups: Iterable[str]) -> None:
    """The sockets of these groups look again, within a second of the commit, whether they may live.

    Answers that this process remembers of tokens are forgotten with the commit.
    """
    recent.forget_on_commit()
    Notice.objects.bulk_create([Notice(group=name, event=RECHECK, created_at=clock.now()) for name in groups])


def fresh_notices(seen: dict[int, float]) -> list[Notice]:
    """Notices that this process has not delivered yet; `seen` remembers them, and is empty at its start.

    Rows are found by number: clocks of machines differ and step, and what was written before the database was away
    for a while must still be heard after it. Not by "greater than the last" either: a transaction that commits late
    may hold a lower number.
    """
    moment = time.monotonic()
    settled = sorted(pk for pk, at in seen.items() if at < moment - _LATE)
    for pk in settled[:-1]:  # the last of them says below which number nothing is new
        del seen[pk]
    floor = settled[-1] if settled else 0
    numbers = [pk for pk in Notice.objects.filter(pk__gt=floor).values_list("pk", flat=True) if pk not in seen]
    if not numbers:
        return []
    rows = Notice.objects.filter(pk__range=(min(numbers), max(numbers))).order_by("pk")
    fresh = [row for row in rows if row.pk not in seen]
    seen.update((row.pk, moment) for row in fresh)
    return fresh


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of notices that every process has read; answers how many."""
    ids = list(
        Notice.objects.filter(created_at__lt=clock.after(-_NOTICE_LIFETIME)).values_list("pk", flat=True)[:batch]
    )
    Notice.objects.filter(pk__in=ids).delete()
    return len(ids)
