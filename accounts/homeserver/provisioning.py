"""Users and devices at the homeserver before tokens go out (matrix-oauth.md §8). Never inside a transaction."""

import contextlib
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings

from accounts import audit, clock
from accounts.errors import Reason, Refusal
from accounts.homeserver import claims, client, intervals, queue
from accounts.homeserver.client import CallFailed, UserUnknown
from accounts.models import Device, HomeserverAccount, User

Problem = HomeserverAccount.Problem
LONGEST_DEVICE_ID = 255  # characters; Synapse answers 500 for longer ones
_PATIENCE = 10.0  # seconds a login waits for other calls about its account
_RETRY_AFTER = 5.0
_NAMES = {
    "M_USER_IN_USE": Reason.NAME_TAKEN,
    "M_INVALID_USERNAME": Reason.NAME_INVALID,
    "M_EXCLUSIVE": Reason.NAME_RESERVED,
}


def check_name(localpart: str) -> None:
    """Whether a new account may have the name, as far as the homeserver goes.

    NAME_TAKEN, NAME_INVALID, NAME_RESERVED, or UNAVAILABLE when it does not answer.
    """
    if not queue.is_on():
        return
    with _answered():
        errcode = client.is_localpart_available(localpart)
    if errcode:
        raise Refusal(_NAMES[errcode], field="username")


def prepare(user: User, device_id: str, display_name: str = "", *, is_new: bool = False) -> queue.Hold | None:
    """Makes user and device known to the homeserver; None where there is none.

    A device that is here already keeps its name, unless `is_new` says that it was made just now. Until the hold is
    settled or released, a minute at most, the device is left alone; `preparing` does both.
    FIELD_INVALID for a device id it cannot keep; FORBIDDEN or ACCOUNT_DEACTIVATED when its user of this name is not
    this account, or ended there; UNAVAILABLE when it does not answer.
    """
    if not queue.is_on():
        return None
    if not 1 <= len(device_id) <= LONGEST_DEVICE_ID or not device_id.isprintable():
        raise Refusal(Reason.FIELD_INVALID, field="device_id")
    with _answered(), claims.claimed(user.pk, patience=_PATIENCE) as account:
        held = queue.hold(user.pk, device_id)
        try:
            connect(account)
            _upsert(account, device_id, display_name if is_new or not _is_here(account, device_id) else "")
        except BaseException:
            queue.release(held)
            raise
    return held


@contextlib.contextmanager
def preparing(user: User, device_id: str, display_name: str = "", *, is_new: bool = False) -> Iterator[None]:
    """`prepare` for the session that the block opens; when it opens none, the device goes from the homeserver again."""
    held = prepare(user, device_id, display_name, is_new=is_new)
    try:
        yield
    except BaseException:
        if held is not None:
            queue.release(held)
        raise
    if held is not None:
        queue.settle(held)


def allow_cross_signing_reset(user: User) -> None:
    """Lets the person replace the keys of their identity for ten minutes (§7). NOT_FOUND without a homeserver."""
    account = HomeserverAccount.objects.filter(user=user).exclude(connected_at=None).first()
    if account is None or not queue.is_on():
        raise Refusal(Reason.NOT_FOUND, field="homeserver")
    with _answered():
        client.allow_cross_signing_reset(account.localpart)
    audit.record("cross-signing-reset-allowed", subject=user.username, actor=user)


def connect_existing(account: HomeserverAccount, *, actor: audit.Actor) -> None:
    """An administrator says that the homeserver's user of this name is this account."""
    _connected(account, {"displayname": account.user.display_name})
    audit.record_or_fail("homeserver-account-connected", actor=actor, subject=account.user.username)


def reactivate(account: HomeserverAccount, *, actor: audit.Actor) -> None:
    """Undoes a deactivation at the homeserver; ACCOUNT_DEACTIVATED for an account that ended here."""
    if account.user.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED, field="username")
    with _answered():
        client.reactivate_user(account.localpart)
    _connected(account, {})
    audit.record_or_fail("homeserver-account-reactivated", actor=actor, subject=account.user.username)


def is_imported(user: User) -> bool:
    """Whether the account came with `import_synapse`: Synapse counts whole seconds (docs/decisions.md)."""
    return user.created_at.microsecond == 0


def connect(account: HomeserverAccount) -> None:
    """Makes what the homeserver knows of the account true. The claim is the caller's. CallFailed, or as `prepare`."""
    _follow_name(account)
    if account.connected_at is None:
        _meet(account)
    wanted = _wanted(account.user)
    changes = _changes(account.sent, wanted)
    if changes or account.provisioned_at is None:
        client.provision_user(account.localpart, **changes)
        _keep(account, sent=wanted, provisioned_at=clock.now())


def _follow_name(account: HomeserverAccount) -> None:
    """A key's account that got a name is a new user there; the old one keeps its rooms, and no device."""
    if account.localpart == account.user.username:
        return
    if account.connected_at is not None:
        with contextlib.suppress(UserUnknown):
            client.sync_devices(account.localpart, [])
        queue.devices_wanted(account.user_id)
    values: dict[str, Any] = {"connected_at": None, "provisioned_at": None, "sync_due_at": None, "problem": ""}
    _keep(account, localpart=account.user.username, sent={}, **values)


def _meet(account: HomeserverAccount) -> None:
    """The first contact. Somebody else may have the name there since before the two servers knew each other."""
    found = client.query_user(account.localpart)
    if found is None:  # kept before the user is made: should the answer get lost, the user is ours all the same
        _connected(account, {"displayname": "", "emails": [], "locked": False})
        return
    problem = "" if is_imported(account.user) else Problem.NAME_TAKEN
    if not problem and found.is_deactivated:
        problem = Problem.DEACTIVATED
    if not problem:
        _connected(account, {"displayname": account.user.display_name})  # people may have changed it there since
        return
    if account.problem != problem:
        _keep(account, problem=problem)
        facts = {"problem": str(problem)}
        audit.record("homeserver-conflict", outcome=audit.REFUSED, subject=account.localpart, facts=facts)
    if problem == Problem.DEACTIVATED:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED, field="homeserver", detail="deactivated at the homeserver")
    raise Refusal(Reason.FORBIDDEN, field="homeserver", detail="the homeserver has somebody else of this name")


def _connected(account: HomeserverAccount, sent: dict[str, Any]) -> None:
    moment = clock.now()
    values: dict[str, Any] = {"connected_at": moment, "provisioned_at": None, "problem": ""}
    _keep(account, sent=sent, sync_due_at=intervals.first_sync(moment), **values)


def _upsert(account: HomeserverAccount, device_id: str, display_name: str) -> None:
    try:
        client.upsert_device(account.localpart, device_id, display_name or None)
    except UserUnknown:  # the homeserver was set up anew
        _connected(account, {"displayname": "", "emails": [], "locked": False})
        connect(account)
        client.upsert_device(account.localpart, device_id, display_name or None)


def _is_here(account: HomeserverAccount, device_id: str) -> bool:
    return Device.objects.filter(user=account.user_id, kind=Device.Kind.MATRIX, device_id=device_id).exists()


def _wanted(user: User) -> dict[str, Any]:
    rows = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary", "pk")
    emails = list(rows.values_list("email", flat=True))
    return {"displayname": user.display_name, "emails": emails, "locked": user.locked_at is not None}


def _changes(sent: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What is to be told. A display name that did not change here is left alone: people change it there too."""
    changes: dict[str, Any] = {}
    if wanted["displayname"] != sent.get("displayname"):
        named = wanted["displayname"]
        changes |= {"set_displayname": named} if named else {"unset_displayname": True}
    if wanted["emails"] != sent.get("emails"):
        changes |= {"set_emails": wanted["emails"]} if wanted["emails"] else {"unset_emails": True}
    if wanted["locked"] != sent.get("locked"):
        changes["locked"] = wanted["locked"]
    return changes


def _keep(account: HomeserverAccount, **values: Any) -> None:
    for name, value in values.items():
        setattr(account, name, value)
    HomeserverAccount.objects.filter(pk=account.pk).update(**values)


@cache
def _slots() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, settings.HTTP_THREADS // 2))


@contextlib.contextmanager
def _answered() -> Iterator[None]:
    """Turns a failed call into UNAVAILABLE. At most half of the threads wait for a homeserver that hangs."""
    if not _slots().acquire(timeout=_PATIENCE / 2):
        raise Refusal(Reason.UNAVAILABLE, retry_after=_RETRY_AFTER, detail="too many calls to the homeserver")
    try:
        yield
    except CallFailed as failed:
        raise Refusal(Reason.UNAVAILABLE, retry_after=_RETRY_AFTER, detail=f"homeserver: {failed}") from None
    finally:
        _slots().release()
