"""The allowances of this door (websocket-otp.md §2, §3; operations.md §2 says which are scaled)."""

from django.conf import settings

from accounts import throttle
from accounts.errors import Refusal
from accounts.models import User

_MISMATCHES = throttle.Limit("otp-mismatch", 10, 3600, scaled=False)
_PAIRS = throttle.Limit("otp-pairs", 30, 600)  # a page reloaded time after time
_NO_MAILS = throttle.Limit("otp-no-mails", 1, 3600, scaled=False)


def wrong_passwords() -> throttle.Limit:
    """Per mail address and client address."""
    return throttle.Limit.of("otp-password", settings.OTP_PASSWORD_RATE)


def failures() -> throttle.Limit:
    """Wrong passwords per client address."""
    return throttle.Limit.of("otp-address", settings.OTP_ADDRESS_RATE)


def look_for_mails(ip: str) -> None:
    """RATE_LIMITED when this client address has caused as many mails as it may: asked before the password, because
    afterwards it would tell a right one from a wrong one."""
    throttle.peek(_mails_from_address(), throttle.address_key(ip))


def take_mail(user: User, *, ip: str) -> None:
    """One more mail with a code for this account, asked for from this address; RATE_LIMITED."""
    throttle.peek(_NO_MAILS, str(user.pk))
    throttle.peek(_mails_from_address(), throttle.address_key(ip))
    throttle.hit(throttle.Limit.of("otp-mail", settings.OTP_MAIL_LIMIT, scaled=False), str(user.pk))
    throttle.hit(_mails_from_address(), throttle.address_key(ip))


def take_pair(nonce: str) -> None:
    """One more pair for a remembered login; RATE_LIMITED."""
    throttle.hit(_PAIRS, nonce)


def _mails_from_address() -> throttle.Limit:
    return throttle.Limit.of("otp-mail-address", settings.OTP_ADDRESS_MAIL_RATE)


def note_wrong_code(user: User) -> None:
    """A wrong code of this account; the last one allowed ends its mails for an hour."""
    limit = throttle.Limit.of("otp-wrong-code", settings.OTP_WRONG_CODE_RATE)
    try:
        throttle.hit(limit, str(user.pk))
        throttle.peek(limit, str(user.pk))
    except Refusal:
        _used_up(_NO_MAILS, str(user.pk))


def mismatches_used_up(nonce: str) -> bool:
    """Counts a confirmation from another browser or system; True once there were ten within an hour."""
    return _used_up(_MISMATCHES, nonce)


def _used_up(limit: throttle.Limit, key: str) -> bool:
    """Takes one; True when none is left after it."""
    try:
        throttle.hit(limit, key)
        throttle.peek(limit, key)
    except Refusal:
        return True
    return False
