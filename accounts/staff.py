"""Administrators' sign-in to the admin: password behind a limit, bounded sessions, optional networks (R47)."""

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.backends import ModelBackend
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import audit, clock, passwords, patterns, policy, second_factors, throttle, users, visits
from accounts.browser.going_on import with_next
from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.models import User

_SIGNED_IN_AT = "signed_in_at"
_DEVICE_COOKIE = "staff_device"
_DEVICE_SECONDS = 180 * 86_400
SECOND_STEP = "second_step_at"  # in the session: when the second factor was given
_TRIPS = throttle.Limit("admin-trip", 1, 60, scaled=False)


class StaffPasswordBackend(ModelBackend):
    """Name or confirmed address with the password. Only failures use up the allowance (R38)."""

    def authenticate(  # type: ignore[override]  # Django passes None for absent fields
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """The administrator, or None; PermissionDenied when too many attempts failed."""
        if username is None or password is None or request is None:
            return None
        ip = client_address(request)
        try:
            return self._signed_in(request, username, password, ip)
        except Refusal as refusal:
            note_refusal("admin-login", refusal, name=username, ip=ip)
            if refusal.reason in {Reason.CREDENTIAL_WRONG, Reason.NOT_ADMITTED}:
                return None
            raise PermissionDenied(str(refusal.reason)) from None

    def _signed_in(self, request: HttpRequest, name: str, password: str, ip: str) -> User:
        limit = throttle.Limit.of("admin-login", settings.ADMIN_LOGIN_RATE)
        user = users.find(name)
        device = known_device(request, user)
        keys = ("address", throttle.address_key(ip)), ("device", device) if device else ("account", name.casefold())
        for key in keys:
            throttle.peek(limit, *key)
        if not device and _is_denied(ip):
            throttle.hit(limit, *keys[0])  # else each try would be a line in the audit log
            raise Refusal(Reason.NOT_ADMITTED)
        allowed = user is not None and user.is_staff and user.is_active
        if not passwords.verify(user, password) or not allowed:
            for key in keys:
                throttle.hit(limit, *key)
            raise Refusal(Reason.CREDENTIAL_WRONG)
        assert user is not None
        audit.record("admin-login", actor=user, subject=user.username, ip=ip)
        return user


def _is_denied(ip: str) -> bool:
    """Whether every door refuses this address; a browser in which an administrator signed in before is not asked."""
    return not policy.decide("admin", policy.Subject(ip=ip)).admitted


def note_refusal(event: str, refusal: Refusal, *, name: str, ip: str, actor: audit.Actor = None) -> None:
    """Writes a refused password to the audit log; once an allowance is used up, one event a minute and address."""
    visits.note_refusal(refusal)
    if refusal.reason is Reason.RATE_LIMITED:
        try:
            throttle.hit(_TRIPS, throttle.address_key(ip))
        except Refusal:
            return
    audit.record(event, outcome=audit.REFUSED, reason=refusal.reason, actor=actor, subject=name[:255], ip=ip)


def known_device(request: HttpRequest, user: User | None) -> str:
    """The browser's own mark if this account signed in with it before, else "" (R38).

    A known browser has an allowance of its own, so that strangers' failures cannot keep an administrator out.
    """
    try:
        account, mark = signing.loads(request.COOKIES.get(_DEVICE_COOKIE, ""), salt=_DEVICE_COOKIE)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(mark) if user is not None and account == user.pk else ""


def _remember_device(request: HttpRequest, response: HttpResponse) -> None:
    if request.user.is_authenticated and not known_device(request, request.user):
        value = signing.dumps([request.user.pk, secrets.token_hex(16)], salt=_DEVICE_COOKIE)
        response.set_cookie(
            _DEVICE_COOKIE,
            value,
            max_age=_DEVICE_SECONDS,
            path=f"/{settings.ADMIN_PATH}",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


class StaffSessionMiddleware:
    """Ends admin sessions by age, keeps strangers' networks out, asks for a new password where one is due."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answers, or passes the request on."""
        if not request.path.startswith(f"/{settings.ADMIN_PATH}"):
            return self.get_response(request)
        if not _network_allowed(client_address(request)):
            raise PermissionDenied
        if request.user.is_authenticated and self._is_too_old(request):
            logout(request)
        visits.note_user(request.user.pk or 0)
        if leads := _comes_first(request):
            return HttpResponseRedirect(leads)
        response = self.get_response(request)
        _remember_device(request, response)
        return response

    def _is_too_old(self, request: HttpRequest) -> bool:
        signed_in_at = request.session.setdefault(_SIGNED_IN_AT, int(clock.seconds()))
        return clock.seconds() - float(signed_in_at) > settings.ADMIN_LIFETIME


def second_step_due(request: HttpRequest) -> bool:
    """Whether a second factor is still to be given: by everybody who has one, and by all staff if it is required."""
    user = request.user
    if not isinstance(user, User) or not user.is_staff or SECOND_STEP in request.session:
        return False
    return bool(settings.ADMIN_REQUIRE_2FA) or second_factors.of(user).any


def _comes_first(request: HttpRequest) -> str:
    """Where an administrator has to go before anything else; "" for nowhere."""
    step, changing = reverse("admin:second_factor"), reverse("admin:password_change")
    always = {step, reverse("admin:second_factor_options"), reverse("admin:logout"), reverse("admin:jsi18n")}
    if request.path in always or request.path == reverse("admin:login"):
        return ""
    user = request.user
    must_change = isinstance(user, User) and user.must_change_password
    has_none = isinstance(user, User) and must_change and not second_factors.of(user).any
    if second_step_due(request) and not has_none:
        return with_next(step, request.get_full_path() if request.method == "GET" else "")
    return changing if must_change and request.path != changing else ""


def _network_allowed(ip: str) -> bool:
    address = patterns.address(ip)
    networks = settings.ADMIN_NETWORKS
    return not networks or (address is not None and any(address in network for network in networks))
