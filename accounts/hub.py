"""From services to live sockets (socketio.md §4).

`publish` carries an event to the sockets of a group through the channel layer. `recheck` makes sockets ask again
whether they may live: it is written as a row in the transaction that caused it, so that it is never lost and reaches
every process, with and without Redis; each server process reads new rows every half second (`idp/background.py`).
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from channels.layers import get_channel_layer

from accounts import clock, recent
from accounts.models import Notice

EVERYONE = "everyone"
RECHECK = "recheck"
_NOTICE_LIFETIME = 60.0  # seconds a process has to read a notice; it reads every half second


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


async def publish(group_name: str, event: str, data: dict[str, Any]) -> None:
    """Sends an event to the sockets of a group, in every process of the layer."""
    await get_channel_layer().group_send(group_name, {"type": "hub.event", "event": event, "data": data})


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
    """Notices of the last ten seconds that this process has not delivered yet; `seen` remembers them.

    Rows are found by time, not by "greater than the last id": a transaction that commits late may hold a lower id.
    """
    moment = clock.now()
    rows = list(Notice.objects.filter(created_at__gt=clock.after(-10.0, moment)).order_by("pk"))
    fresh = [row for row in rows if row.pk not in seen]
    for row in fresh:
        seen[row.pk] = moment.timestamp()
    for pk in [pk for pk, at in seen.items() if at < moment.timestamp() - 2 * _NOTICE_LIFETIME]:
        del seen[pk]
    return fresh


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of notices that every process has read; answers how many."""
    ids = list(
        Notice.objects.filter(created_at__lt=clock.after(-_NOTICE_LIFETIME)).values_list("pk", flat=True)[:batch]
    )
    Notice.objects.filter(pk__in=ids).delete()
    return len(ids)
