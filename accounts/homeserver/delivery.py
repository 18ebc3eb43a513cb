"""The worker: brings the queue's rows about at the homeserver, and compares devices once a day (matrix-oauth.md §8).

`idp/background.py` runs it in a thread of one process, which holds the lease. A homeserver that does not answer is
asked again after one second, then two, up to a minute; a row it refuses waits up to an hour. Nothing is given up.
"""

import contextlib
import logging
import time

from django.db.models import Min, Q, QuerySet

from accounts import clock
from accounts.errors import Refusal
from accounts.homeserver import claims, client, intervals, living, provisioning, queue
from accounts.homeserver.client import CallFailed, UserUnknown
from accounts.models import Device, HomeserverAccount, HomeserverTask, Token, User

_log = logging.getLogger("latchkey.homeserver")
Kind = HomeserverTask.Kind
_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_PAUSE = 5.0, 3_600.0, 60.0  # seconds
_pause = {"until": 0.0, "seconds": 0.0}


def is_due() -> bool:
    """Whether there is something to do now; two indexed look-ups."""
    if queue.hurried.is_set():
        queue.hurried.clear()
        resume()
    return time.monotonic() >= _pause["until"] and (_due().exists() or _accounts_due().exists())


def run(*, most: int = 50) -> int:
    """Works through what is due for up to `most` accounts; answers how many rows and comparisons were brought about."""
    try:
        done = sum(_deliver(user_id) for user_id in _users_due(most))
        done += sum(_compare(user_id) for user_id in _accounts_due().values_list("user_id", flat=True)[:10])
    except CallFailed as failed:  # it would fail for everybody
        seconds = min(max(1.0, _pause["seconds"] * 2), _LONGEST_PAUSE)
        _pause.update(until=time.monotonic() + seconds, seconds=seconds)
        _log.warning("the homeserver is not reached, next try in %d s: %s", seconds, failed)
        return 0
    if done:
        resume()
    return done


def resume() -> None:
    """Ends the pause after a failure: an administrator asked for a try, or a call got through."""
    _pause.update(until=0.0, seconds=0.0)


def find_unconnected(*, most: int = 500) -> int:
    """Accounts with Matrix sessions that the homeserver never heard of, from before it was connected, are queued."""
    living_tokens = Token.objects.filter(revoked_at=None, device__kind=Device.Kind.MATRIX, user__deactivated_at=None)
    met = HomeserverAccount.objects.exclude(connected_at=None, problem="")
    fresh = living_tokens.exclude(user__in=met.values("user"))
    fresh = fresh.exclude(user__in=HomeserverTask.objects.filter(kind=Kind.NEW_ACCOUNT).values("user"))
    users = User.objects.filter(pk__in=fresh.values("user"))[:most]
    for user in users:
        queue.account_created(user)
    return len(users)


def _due() -> QuerySet[HomeserverTask]:
    moment = clock.now()
    free = Q(held_until=None) | Q(held_until__lte=moment)
    return HomeserverTask.objects.filter(free, due_at__lte=moment)


def _users_due(most: int) -> list[int]:
    waiting = _due().order_by().values("user_id").annotate(first=Min("due_at")).order_by("first")
    return [row["user_id"] for row in waiting[:most]]


def _accounts_due() -> QuerySet[HomeserverAccount]:
    rows = HomeserverAccount.objects.filter(sync_due_at__lte=clock.now(), user__deactivated_at=None)
    return rows.exclude(connected_at=None).order_by("sync_due_at")


def _deliver(user_id: int) -> int:
    """The account's due rows in the order they came; the first that fails keeps the later ones waiting."""
    done = 0
    with contextlib.suppress(Refusal), claims.claimed(user_id, patience=0.0) as account:  # a login has it: next round
        for task in _due().filter(user_id=user_id).order_by("pk"):
            claims.renew(account)
            try:
                _bring_about(task, account)
            except CallFailed as failed:
                _put_back(task, failed)
                if failed.is_everybodys:
                    raise
                return done
            except Refusal as refusal:  # the name is somebody else's there; the account's row says so
                _log.warning("task %d was dropped: %s", task.pk, refusal)
            # What changed meanwhile has another revision and is looked at again; a login under way keeps its hold.
            HomeserverTask.objects.filter(pk=task.pk, revision=task.revision).delete()
            done += 1
    return done


def _bring_about(task: HomeserverTask, account: HomeserverAccount) -> None:
    is_ours = account.connected_at is not None or (not account.problem and provisioning.is_imported(account.user))
    if not is_ours and task.kind != Kind.NEW_ACCOUNT:
        return  # the homeserver never heard of the account; whoever has the name there is left alone
    match task.kind:
        case Kind.NEW_ACCOUNT:
            _connect(account)
        case Kind.ACCOUNT if account.user.deactivated_at:
            with contextlib.suppress(UserUnknown):
                client.delete_user(account.localpart, erase=task.erase)
        case Kind.ACCOUNT:
            provisioning.connect(account)
        case Kind.DEVICE:
            _end_unless_living(account, task.device_id)
        case Kind.DEVICE_NAME:
            _rename(account, task.device_id)
        case _:
            _make_exact(account)


def _connect(account: HomeserverAccount) -> None:
    if account.user.deactivated_at:
        return
    provisioning.connect(account)
    if living.devices(account).exists():
        _make_exact(account)


def _end_unless_living(account: HomeserverAccount, device_id: str) -> None:
    if living.devices(account).filter(device_id=device_id).exists():
        return
    with contextlib.suppress(UserUnknown):
        client.delete_device(account.localpart, device_id)


def _rename(account: HomeserverAccount, device_id: str) -> None:
    device = living.devices(account).filter(device_id=device_id).first()
    if device is not None:
        with contextlib.suppress(UserUnknown):
            client.update_device_display_name(account.localpart, device_id, device.display_name)


def _compare(user_id: int) -> int:
    with contextlib.suppress(Refusal), claims.claimed(user_id, patience=0.0) as account:
        try:
            provisioning.connect(account)
            _make_exact(account)
        except CallFailed as failed:
            if failed.is_everybodys:
                raise
            _log.warning("devices of account %d were not compared: %s", user_id, failed)
            later = clock.after(intervals.AFTER_FAILURE)
            HomeserverAccount.objects.filter(pk=account.pk).update(sync_due_at=later)
            return 0
        return 1
    return 0


def _make_exact(account: HomeserverAccount) -> None:
    """Every living device, and those on which a login is under way: whatever is not named ends there."""
    kept = set(living.devices(account).values_list("device_id", flat=True)) | set(queue.is_held(account.user_id))
    client.sync_devices(account.localpart, {one for one in kept if len(one) <= provisioning.LONGEST_DEVICE_ID})
    due = intervals.next_sync(clock.now())
    HomeserverAccount.objects.filter(pk=account.pk).update(sync_due_at=due)


def _put_back(task: HomeserverTask, failed: CallFailed) -> None:
    tries = task.tries + 1
    first, longest = (1.0, _LONGEST_PAUSE) if failed.is_everybodys else (_FIRST_WAIT, _LONGEST_WAIT)
    wait = min(first * 2 ** min(tries - 1, 16), longest)
    HomeserverTask.objects.filter(pk=task.pk).update(tries=tries, last_error=str(failed)[:200])
    HomeserverTask.objects.filter(pk=task.pk, revision=task.revision).update(due_at=clock.after(wait))
