"""Checking a password at a door: limits first, then the hash, then the count of failures (R11, R36–R38).

Only failures use up an allowance, so correct logins are never refused for earlier correct ones. Once it is used up the
password is not looked at, be it right. The wait after that doubles with each further failure, to 15 minutes. A device
that signed in before has an allowance of its own: strangers' failures do not hinder it.
"""

import math
from dataclasses import dataclass

from django.conf import settings

from accounts import audit, names, passwords, policy, subjects, throttle
from accounts.errors import Reason, Refusal
from accounts.models import Device, User

_MOST_WAIT = 900.0  # seconds
_FROM_ANYWHERE = throttle.Limit("wrong-password-anywhere", 100, 3600)  # where a door counts per client address
_FORGOTTEN_AFTER = 3600.0  # seconds without a failure after which the doubling begins anew


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Where the failures for one claimed account count. `dear`: beyond the allowance each counts for more; if not,
    the bucket is one of many client addresses, and all of them together have an allowance too."""

    limit: throttle.Limit
    key: tuple[str, ...]
    dear: bool = True


def password(
    user: User | None,
    given: str,
    *,
    claimed: str,
    flow: str,
    ip: str,
    address_limit: throttle.Limit,
    device_id: str = "",
    pair_limit: throttle.Limit | None = None,
    tells_state: bool = True,
) -> User:
    """The account whose password was given. `claimed` is what was asked for, whether it exists or not.

    RATE_LIMITED, OVERLOADED; CREDENTIAL_WRONG for nobody, a wrong password, an account without one and one that the
    lists refuse, all alike; ACCOUNT_DEACTIVATED and ACCOUNT_LOCKED only after the right password, and where the door
    `tells_state`, else they are wrong too. A door's own `pair_limit` counts per claimed account and client address,
    in place of PASSWORD_FAILURE_RATE per account.
    """
    bucket = _bucket(user, claimed, device_id) if pair_limit is None else _pair(pair_limit, claimed, ip)
    throttle.peek(address_limit, throttle.address_key(ip))
    throttle.peek(bucket.limit, *bucket.key)
    if not bucket.dear:
        throttle.peek(_FROM_ANYWHERE, names.fold(claimed))
    try:
        right = passwords.verify(user, given)
    except Refusal as refusal:
        if refusal.reason is Reason.FIELD_INVALID:  # no password of anybody
            raise _failed(bucket, claimed, flow=flow, ip=ip, address_limit=address_limit) from None
        raise
    admitted = user is not None and right and policy.decide(flow, subjects.of_account(user, ip=ip)).admitted
    if user is None or not admitted or not (tells_state or user.is_active):
        told = _told(user, right=right, admitted=admitted)
        raise _failed(bucket, claimed, flow=flow, ip=ip, address_limit=address_limit, told=told)
    if user.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED)
    if user.locked_at:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    return user


def _told(user: User | None, *, right: bool, admitted: bool) -> Reason:
    """What the audit log hears: a right password is no guess, though its owner is told nothing else."""
    if user is None or not right:
        return Reason.CREDENTIAL_WRONG
    if not admitted:
        return Reason.NOT_ADMITTED
    return Reason.ACCOUNT_DEACTIVATED if user.deactivated_at else Reason.ACCOUNT_LOCKED


def _failed(
    bucket: _Bucket,
    claimed: str,
    *,
    flow: str,
    ip: str,
    address_limit: throttle.Limit,
    told: Reason = Reason.CREDENTIAL_WRONG,
) -> Refusal:
    """Counts a failure, for the address and for the account; the refusal to raise."""
    try:
        throttle.hit(address_limit, throttle.address_key(ip))
        throttle.hit(bucket.limit, *bucket.key, cost=_cost(bucket.key) if bucket.dear else 1.0)
        if not bucket.dear:
            throttle.hit(_FROM_ANYWHERE, names.fold(claimed))
    except Refusal:  # a failure that raced others past the allowance: it is refused all the same
        pass
    else:
        audit.record("login", outcome=audit.REFUSED, reason=told, flow=flow, subject=claimed, ip=ip)
    return Refusal(Reason.CREDENTIAL_WRONG)


def _bucket(user: User | None, claimed: str, device_id: str) -> _Bucket:
    """One for every name or address that is claimed, whether somebody has it or not; a known device has its own."""
    key: tuple[str, ...] = ("claimed", names.fold(claimed))
    if user is not None and device_id and Device.objects.filter(user=user, device_id=device_id).exists():
        key = ("device", str(user.pk), device_id)
    return _Bucket(_account_limit(), key)


def _pair(limit: throttle.Limit, claimed: str, ip: str) -> _Bucket:
    return _Bucket(limit, (names.fold(claimed), throttle.address_key(ip)), dear=False)


def _account_limit() -> throttle.Limit:
    return throttle.Limit.of("wrong-password", settings.PASSWORD_FAILURE_RATE, most_wait=_MOST_WAIT)


def _cost(key: tuple[str, ...]) -> float:
    """How many ordinary failures this one counts for: 1 within the allowance, then 2, 4, 8 …

    How many failures there were is read off a second bucket, which each of them fills by one of many steps.
    """
    limit = _account_limit()
    streak = throttle.Limit("wrong-password-streak", 1_000_000, 1_000_000 * _FORGOTTEN_AFTER, scaled=False)
    beyond = math.ceil(throttle.level(streak, *key) - 1e-6) - limit.allowance() + 1
    throttle.hit(streak, *key)
    dearest = _MOST_WAIT / limit.bucket().step
    return 1.0 if beyond <= 0 else float(min(2.0 ** min(beyond, 30), dearest))
