"""What the homeserver must still hear: rows in the caller's transaction (matrix-oauth.md §8).

A row says what to look at, not what to do: the worker compares with what is true when it comes to it. So a device that
ended and was made again meanwhile stays, and any number of changes of one thing is one call.
"""

import contextlib
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import Error, transaction
from django.db.models import Min, QuerySet

from accounts import audit, clock, names
from accounts.models import Device, HomeserverTask, Token, User

Kind = HomeserverTask.Kind
HOLD = 60.0  # seconds a login has between telling the homeserver and its commit
_BATCH = 500  # rows of one statement

queued = threading.Event()  # set whenever this process has committed a task
hurried = threading.Event()  # set when somebody at this process asked for a try now


@dataclass(frozen=True, slots=True)
class Hold:
    """A login under way on a device: its device is left alone until `release` or `settle`."""

    user_id: int
    device_id: str
    secret: str
    revision: int


def is_on() -> bool:
    """Whether a homeserver delegates to this server."""
    return bool(settings.MATRIX_HOMESERVER_URL and settings.MATRIX_HOMESERVER_SECRET)


def account_created(user: User) -> None:
    """A new account takes its name at the homeserver too; one named by a Session key goes there when it signs in."""
    if is_on() and not names.is_key_name(user.username):
        _request([_task(user.pk, Kind.NEW_ACCOUNT)])


def account_changed(user_id: int, *, erase: bool = False) -> None:
    """Name, display name, addresses or state changed. `erase` belongs to a deactivation."""
    if is_on():
        task = _task(user_id, Kind.ACCOUNT)
        task.erase = erase
        _request([task])


def device_renamed(device: Device) -> None:
    """Its owner calls it something else now."""
    if is_on() and device.kind == Device.Kind.MATRIX:
        _request([_task(device.user_id, Kind.DEVICE_NAME, device.device_id)])


def devices_end(devices: QuerySet[Device]) -> None:
    """These devices are about to end; those of other doors are none of the homeserver's."""
    if is_on():
        _look_at(devices.filter(kind=Device.Kind.MATRIX).order_by().values_list("user_id", "device_id"))


def tokens_end(tokens: QuerySet[Token]) -> None:
    """These tokens are about to be revoked: only without its device does a Synapse refuse one at once."""
    if is_on():
        of_devices = tokens.filter(device__kind=Device.Kind.MATRIX).order_by()
        _look_at(of_devices.values_list("device__user_id", "device__device_id").distinct())


def devices_wanted(user_id: int) -> None:
    """The homeserver's whole list of the account's devices is to be made true."""
    if is_on():
        _request([_task(user_id, Kind.DEVICES)])


def hold(user_id: int, device_id: str) -> Hold:
    """A login begins on the device; whatever was to happen to it before is overtaken. Committed at once."""
    task = _task(user_id, Kind.DEVICE, device_id)
    task.hold, task.held_until = secrets.token_hex(16), clock.after(HOLD)
    _write([task], also=("hold", "held_until"))
    return Hold(user_id, device_id, task.hold, task.revision)


def settle(held: Hold) -> None:
    """The login is done: the device lives. What ended on it meanwhile is looked at now."""
    with contextlib.suppress(Error):  # the session is open; a hold that stays ends by itself
        rows = _held(held)
        if not rows.filter(revision=held.revision).delete()[0]:
            rows.update(hold="", held_until=None)
            queued.set()


def release(held: Hold) -> None:
    """The login came to nothing: unless the device lives by another, it goes."""
    with contextlib.suppress(Error):  # as above; the row is looked at when the hold ends
        _held(held).update(hold="", held_until=None, due_at=clock.now())
        queued.set()


def is_held(user_id: int) -> list[str]:
    """Devices of the account on which a login is under way."""
    rows = HomeserverTask.objects.filter(user_id=user_id, kind=Kind.DEVICE, held_until__gt=clock.now())
    return list(rows.values_list("device_id", flat=True))


def oldest_age() -> float:
    """Seconds since the oldest change that the homeserver has not heard of, 0.0 when it knows all."""
    waiting = HomeserverTask.objects.filter(hold="")
    oldest = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    return max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0


def hasten(tasks: QuerySet[HomeserverTask]) -> int:
    """Makes waiting tasks due now; answers how many."""
    with transaction.atomic():
        count = HomeserverTask.objects.filter(pk__in=tasks.values("pk")).update(due_at=clock.now())
        transaction.on_commit(hurried.set)
        transaction.on_commit(queued.set)
    return count


def drop(tasks: QuerySet[HomeserverTask], *, actor: audit.Actor = None) -> int:
    """Gives tasks up, each with an audit event; the nightly comparison may bring the same about. Answers how many."""
    with transaction.atomic():
        chosen = list(tasks.select_related("user"))
        for task in chosen:
            facts = {"kind": task.kind, "device": task.device_id[:128], "last_error": task.last_error}
            audit.record_or_fail("homeserver-task-dropped", actor=actor, subject=task.user.username, facts=facts)
        HomeserverTask.objects.filter(pk__in=[task.pk for task in chosen]).delete()
    return len(chosen)


def _look_at(pairs: Iterable[tuple[int, str]]) -> None:
    _request([_task(user_id, Kind.DEVICE, device_id) for user_id, device_id in sorted(set(pairs))])


def _task(user_id: int, kind: str, device_id: str = "") -> HomeserverTask:
    moment = clock.now()
    revision = secrets.randbits(62)
    return HomeserverTask(
        user_id=user_id, kind=kind, device_id=device_id, revision=revision, created_at=moment, due_at=moment
    )


def _request(tasks: list[HomeserverTask]) -> None:
    """In the caller's transaction; the worker wakes with its commit."""
    if tasks:
        _write(tasks, also=("erase",))
        transaction.on_commit(queued.set)


def _write(tasks: list[HomeserverTask], *, also: tuple[str, ...]) -> None:
    HomeserverTask.objects.bulk_create(
        tasks,
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["user", "kind", "device_id"],
        update_fields=["revision", "due_at", *also],
    )


def _held(held: Hold) -> QuerySet[HomeserverTask]:
    return HomeserverTask.objects.filter(
        user_id=held.user_id, kind=Kind.DEVICE, device_id=held.device_id, hold=held.secret
    )
