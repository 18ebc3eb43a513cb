"""Signing a browser in and out. A sign-in is a device with one token; its secret is kept in the session."""

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from accounts import audit, clock, devices, policy, subjects, tokens, users
from accounts.browser import agents, known
from accounts.browser.store import SIGNED_IN
from accounts.http import client_address
from accounts.models import Device, Flow, Token, User

FLOW = Flow.DEVICELOGIN
KIND = Token.Kind.BROWSER
CACHED = "_signed_in_browser"  # of a request: who is signed in, looked up once


def sign_in(request: HttpRequest, user: User, *, amr: Iterable[str], prove: Callable[[], Any] | None = None) -> None:
    """Opens a sign-in in this browser; the one before, whoever's it was, ends.

    `user` is the account as it was read when its proof was checked; `amr` are methods of RFC 8176, `mfa` among them
    after more than one factor. `prove` runs inside the transaction: what uses up single-use secrets. CREDENTIAL_WRONG
    (the password changed meanwhile), ACCOUNT_DEACTIVATED, ACCOUNT_LOCKED, NOT_ADMITTED, and what `prove` refuses.
    """
    ip, agent = client_address(request), request.META.get("HTTP_USER_AGENT", "")
    methods = " ".join(dict.fromkeys(amr))
    minted = tokens.Minted(secrets.token_urlsafe(32), lifetime=settings.BROWSER_LIFETIME, idle=settings.BROWSER_IDLE)
    before = request.session.get(SIGNED_IN)
    with transaction.atomic():
        policy.hold()
        current = users.hold(user)
        policy.admit(FLOW, subjects.of_account(current, ip=ip))
        if prove is not None:
            prove()
        name = agents.in_words(agent)
        mark = known.mark(request)
        device = devices.open(current, kind=Device.Kind.BROWSER, display_name=name, user_agent=agent, ip=ip, mark=mark)
        tokens.issue(minted, user=current, flow=FLOW, kind=KIND, device=device, amr=methods)
        if before:
            _end(before["secret"], reason="signed in anew")
    audit.record("login", flow=FLOW, actor=current, subject=current.username, ip=ip, facts={"amr": methods})
    if before and before.get("user") != current.pk:
        request.session.flush()  # nothing of one person's visit is left to the next
    else:
        request.session.cycle_key()
    request.session[SIGNED_IN] = {"secret": minted.secret, "user": current.pk, "proved_at": clock.seconds()}
    _forget_cached(request)
    rotate_token(request)


def confirm_again(request: HttpRequest, *, amr: Iterable[str] = ()) -> None:
    """Notes that the person at a signed-in browser proved again who they are, by these methods."""
    held = request.session[SIGNED_IN]
    known = Token.objects.filter(digest=tokens.digest(held["secret"]), kind=KIND, revoked_at=None)
    with transaction.atomic():
        token = known.select_for_update().first()
        if token is not None:
            methods = " ".join(dict.fromkeys([*token.amr.split(), *amr]))
            known.update(amr=methods)
    request.session.cycle_key()
    request.session[SIGNED_IN] = {**held, "proved_at": clock.seconds()}
    request.__dict__.pop(CACHED, None)  # `request.browser` stays for the page that is shown now


def sign_out(request: HttpRequest) -> None:
    """Ends this browser's sign-in and forgets its session."""
    held = request.session.get(SIGNED_IN)
    if held:
        ended = _end(held["secret"], reason="signed out")
        if ended is not None:
            audit.record("logout", flow=FLOW, actor=ended, subject=ended.username, ip=client_address(request))
    request.session.flush()
    _forget_cached(request)
    rotate_token(request)


def _end(secret: str, *, reason: str) -> User | None:
    """Whose sign-in it was; None when it had ended already."""
    found = Token.objects.filter(digest=tokens.digest(secret), flow=FLOW, kind=KIND, revoked_at=None)
    with transaction.atomic():
        token = found.select_related("user").first()
        if token is None:
            return None
        users.held(token.user_id)
        tokens.revoke(found, reason=reason)
        devices.end(Device.objects.filter(tokens=token, kind=Device.Kind.BROWSER), reason=reason)
        return token.user


def _forget_cached(request: HttpRequest) -> None:
    request.__dict__.pop(CACHED, None)
    request.__dict__.pop("browser", None)
