"""Checking a password at a door: limits first, then the hash, then the count of failures (R11, R36–R38).

Only failures use up an allowance, so correct logins are never refused for earlier correct ones. Once it is used up the
password is not looked at, be it right. The wait after that doubles with each further failure, to 15 minutes. A device
that signed in before has an allowance of its own: strangers' failures do not hinder it.
"""

import math

from django.conf import settings

from accounts import audit, names, passwords, policy, throttle, users
from accounts.errors import Reason, Refusal
from accounts.models import Device, User

_MOST_WAIT = 900.0  # seconds
_FORGOTTEN_AFTER = 3600.0  # seconds without a failure after which the doubling begins anew


def password(
    user: User | None,
    given: str,
    *,
    claimed: str,
    flow: str,
    ip: str,
    address_limit: throttle.Limit,
    device_id: str = "",
) -> User:
    """The account whose password was given. `claimed` is what was asked for, whether it exists or not.

    RATE_LIMITED, OVERLOADED; CREDENTIAL_WRONG for nobody, a wrong password, an account without one and one that the
    lists refuse, all alike; ACCOUNT_DEACTIVATED and ACCOUNT_LOCKED only after the right password.
    """
    key = _key(user, claimed, device_id)
    throttle.peek(address_limit, throttle.address_key(ip))
    throttle.peek(_account_limit(), *key)
    try:
        right = passwords.verify(user, given)
    except Refusal as refusal:
        if refusal.reason is Reason.FIELD_INVALID:  # no password of anybody
            raise failed(key, claimed, flow=flow, ip=ip, address_limit=address_limit) from None
        raise
    if user is None or not right or not policy.decide(flow, users.subject(user, ip=ip)).admitted:
        raise failed(key, claimed, flow=flow, ip=ip, address_limit=address_limit)
    if user.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED)
    if user.locked_at:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    return user


def failed(key: tuple[str, ...], claimed: str, *, flow: str, ip: str, address_limit: throttle.Limit) -> Refusal:
    """Counts a failure, for the address and for the account; the refusal to raise."""
    try:
        throttle.hit(address_limit, throttle.address_key(ip))
        throttle.hit(_account_limit(), *key, cost=_cost(key))
    except Refusal:  # a failure that raced others past the allowance: it is refused all the same
        pass
    else:
        audit.record("login", outcome=audit.REFUSED, reason=Reason.CREDENTIAL_WRONG, flow=flow, subject=claimed, ip=ip)
    return Refusal(Reason.CREDENTIAL_WRONG)


def _key(user: User | None, claimed: str, device_id: str) -> tuple[str, ...]:
    """The bucket: one for every name or address that is claimed, whether somebody has it or not."""
    if user is not None and device_id and Device.objects.filter(user=user, device_id=device_id).exists():
        return ("device", str(user.pk), device_id)
    return ("claimed", names.fold(claimed))


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
