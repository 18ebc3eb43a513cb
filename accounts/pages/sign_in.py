"""Signing in: a first proof, a second step where the account has one, then the browser is signed in (R11, R52)."""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts import (
    audit,
    browser,
    clock,
    emails,
    guesses,
    names,
    passkeys,
    policy,
    second_factors,
    subjects,
    throttle,
    users,
)
from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.models import User

_PENDING = "second_step"
_SECONDS = 600.0  # a person looks for their telephone


def password(claimed: str, given: str, *, ip: str) -> User:
    """The account of this name or confirmed address with this password; refuses as `guesses.password` does."""
    user = _claimed(claimed)
    return guesses.password(
        user,
        given,
        claimed=claimed,
        flow=browser.FLOW,
        ip=ip,
        address_limit=throttle.Limit.of("sign-in-address", settings.SIGN_IN_ADDRESS_RATE),
        pair_limit=throttle.Limit.of("sign-in", settings.SIGN_IN_RATE),
    )


def own_password(user: User, given: str, *, ip: str) -> None:
    """The same for somebody who is signed in; strangers at the sign-in page do not use this allowance up."""
    guesses.password(
        user,
        given,
        claimed=user.username,
        flow=browser.FLOW,
        ip=ip,
        address_limit=throttle.Limit.of("own-password-address", settings.SIGN_IN_ADDRESS_RATE),
        pair_limit=throttle.Limit.of("own-password", settings.SIGN_IN_RATE),
    )


def go_on(request: HttpRequest, user: User, *, amr: Iterable[str], prove: Callable[[], Any] | None = None) -> bool:
    """After a first proof: True when the browser is signed in, False when a second step is due."""
    methods = tuple(amr)
    if "mfa" in methods or not second_factors.of(user).any:
        browser.sign_in(request, user, amr=methods, prove=prove)
        return True
    _admit(user, ip=client_address(request))
    if prove is not None:
        with transaction.atomic():
            prove()
    request.session.cycle_key()
    request.session[_PENDING] = {
        "user": user.pk,
        "password": user.get_session_auth_hash(),
        "amr": methods,
        "until": clock.seconds() + _SECONDS,
    }
    return False


def pending(request: HttpRequest) -> User:
    """Who has given a first proof here; CHALLENGE_INVALID for nobody, too long ago, or another password since."""
    held = request.session.get(_PENDING)
    user = User.objects.filter(pk=held["user"]).first() if held and held["until"] > clock.seconds() else None
    if not held or user is None or not constant_time_compare(held["password"], user.get_session_auth_hash()):
        request.session.pop(_PENDING, None)
        raise Refusal(Reason.CHALLENGE_INVALID)
    return user


def finish_with_code(request: HttpRequest, user: User, code: str) -> None:
    """The second step by a code; refuses as `second_factors.check` and `browser.sign_in`."""
    _finish(request, user, ("otp", "mfa"), second_factors.check(user, code))


def finish_with_passkey(request: HttpRequest, user: User, answer: str) -> None:
    """The second step by a passkey of this account."""
    _, use = passkeys.check(request, answer, expected=user)
    _finish(request, user, ("pop", "mfa"), use)


def complete(request: HttpRequest, user: User, *, code: str, answer: str) -> None:
    """The second step for a browser that was signed in without one: by a code, else by a passkey's answer."""
    if code:
        use, methods = second_factors.check(user, code), ("otp", "mfa")
    else:
        (_, use), methods = passkeys.check(request, answer, expected=user), ("pop", "mfa")
    with transaction.atomic():
        use()
    browser.confirm_again(request, amr=methods)


def with_passkey(request: HttpRequest, answer: str) -> None:
    """The whole sign-in by a passkey, which says itself whose it is. One wrong text for every refusal (R11)."""
    ip = client_address(request)
    limit = throttle.Limit.of("sign-in-address", settings.SIGN_IN_ADDRESS_RATE)
    throttle.peek(limit, throttle.address_key(ip))
    try:
        user, use = passkeys.check(request, answer)
        _admit(user, ip=ip)
    except Refusal as refusal:
        throttle.hit(limit, throttle.address_key(ip))
        audit.record("login", outcome=audit.REFUSED, reason=refusal.reason, flow=browser.FLOW, ip=ip)
        if refusal.reason is Reason.NOT_ADMITTED:
            raise Refusal(Reason.CREDENTIAL_WRONG, field="passkey") from None
        raise
    browser.sign_in(request, user, amr=("pop", "user", "mfa"), prove=use)


def _finish(request: HttpRequest, user: User, methods: tuple[str, ...], use: Callable[[], None]) -> None:
    held = request.session[_PENDING]
    browser.sign_in(request, user, amr=(*held["amr"], *methods), prove=use)
    request.session.pop(_PENDING, None)


def _admit(user: User, *, ip: str) -> None:
    policy.admit(browser.FLOW, subjects.of_account(user, ip=ip))


def _claimed(claimed: str) -> User | None:
    """By name, by a whole Matrix id of this server, or by a confirmed address."""
    text = claimed.strip()
    suffix = f":{settings.MATRIX_SERVER_NAME}"
    if text.startswith("@") and text.endswith(suffix):
        text = text[1 : -len(suffix)]
    try:
        return users.find(names.fold(text)) or users.find(text) or emails.owner(text)
    except ValueError:  # a character that Postgres does not store
        return None
