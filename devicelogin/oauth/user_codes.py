"""Codes that people read on one device and type at another (qr-login.md §7.3, §7.6; R9, R17). Kept as HMACs."""

import contextlib
import hmac
import secrets
from functools import cache

from django.conf import settings

from accounts import throttle
from accounts.errors import Refusal

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: no words
_GROUP, _GROUPS = 4, 2


def new() -> str:
    """Eight letters, twelve while somebody guesses at them from everywhere."""
    groups = _GROUPS + _is_under_attack()
    return "".join(secrets.choice(_LETTERS) for _ in range(groups * _GROUP))


def canonical(typed: str) -> str:
    """What counts of what was typed: letters and digits, in capitals."""
    return "".join(char for char in typed[:64].upper() if char.isascii() and char.isalnum())


def shown(code: str) -> str:
    """In groups of four with dashes between."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def mac(code: str) -> bytes:
    """The stored form of a canonical code."""
    return _mac(str(settings.SECRET_KEY), code)


def macs(code: str) -> list[bytes]:
    """The stored forms under all keys in force (R31)."""
    return [_mac(str(key), code) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def look(*, ip: str, user_id: int | None) -> None:
    """RATE_LIMITED when this address, or the account, has typed as many wrong codes as it may."""
    throttle.peek(_of_address(), throttle.address_key(ip))
    if user_id is not None:
        throttle.peek(_of_account(), str(user_id))


def note_wrong(*, ip: str, user_id: int | None) -> None:
    """One more wrong code; RATE_LIMITED when none is left after those before it."""
    with contextlib.suppress(Refusal):  # it only makes new codes longer
        throttle.hit(_of_everybody(), "")
    throttle.hit(_of_address(), throttle.address_key(ip))
    if user_id is not None:
        throttle.hit(_of_account(), str(user_id))


def _is_under_attack() -> bool:
    try:
        throttle.peek(_of_everybody(), "")
    except Refusal:
        return True
    return False


def _of_account() -> throttle.Limit:
    return throttle.Limit.of("user-code", settings.USER_CODE_RATE, scaled=False)


def _of_address() -> throttle.Limit:
    return throttle.Limit.of("user-code-address", settings.USER_CODE_ADDRESS_RATE, scaled=False)


def _of_everybody() -> throttle.Limit:
    return throttle.Limit.of("user-code-brake", settings.USER_CODE_BRAKE, scaled=False)


def _mac(key: str, code: str) -> bytes:
    return hmac.digest(_derived(key), code.encode(), "sha256")


@cache
def _derived(key: str) -> bytes:
    return hmac.digest(key.encode(), b"latchkey user code", "sha256")
