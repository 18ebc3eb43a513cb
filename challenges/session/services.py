"""The verbs of the Session door: open a challenge, submit its answer, use the token (session-open-group.md §4, §5)."""

import hmac
from dataclasses import replace
from functools import cache

from django.conf import settings
from django.db import transaction

from accounts import addresses, audit, clock, devices, policy, subjects, throttle, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import Device, Flow, Token, User
from challenges.session import messages, protocol

FLOW = Flow.SESSION


def open_challenge(*, public_key: str, ip: str) -> protocol.EncryptedToken:
    """An encrypted token for a canonical key. Writes nothing: rows appear when it is submitted (R14).

    Refuses with NOT_ADMITTED, RATE_LIMITED or FIELD_INVALID.
    """
    policy.admit(FLOW, subjects.of_key(public_key, ip=ip))
    throttle.hit(_challenges(), throttle.address_key(ip))
    expires = int(clock.now().timestamp()) + settings.SESSION_CHALLENGE_LIFETIME
    token = protocol.mint_token(public_key, expires=expires, mac_key=_mac_keys()[0])
    return protocol.encrypt_token(token, public_key)


def submit(*, public_key: str, token: object, ip: str, user_agent: str) -> None:
    """Turns the answered challenge into an active token, once.

    Refuses, in this order, with NOT_ADMITTED, FIELD_MISSING, RATE_LIMITED, CHALLENGE_INVALID, ACCOUNT_LOCKED.
    """
    try:
        policy.admit(FLOW, subjects.of_key(public_key, ip=ip))
        secret = protocol.parse_submitted_token(token)
        throttle.peek(_failures(), throttle.address_key(ip))
        now = int(clock.now().timestamp())
        if not protocol.is_genuine(secret, public_key, now=now, mac_keys=_mac_keys()):
            raise Refusal(Reason.CHALLENGE_INVALID)
        _log_in(public_key, secret, ip=ip, user_agent=user_agent)
    except Refusal as refusal:
        _note_failure(refusal, public_key=public_key, ip=ip)
        raise


def bearer(secret: str, *, ip: str) -> tokens.Bearer:
    """Who bears an active token; TOKEN_MISSING, TOKEN_UNKNOWN, ACCOUNT_LOCKED or NOT_ADMITTED."""
    found = tokens.require(secret, flow=FLOW, ip=ip)
    policy.admit(FLOW, subjects.of_bearer(found, ip=ip))
    return found


def owner(found: tokens.Bearer) -> messages.Owner:
    """The account of a bearer as Session sees it."""
    return messages.Owner(found.user_id, found.credential, found.display_name, found.user_created_at)


def end_token(secret: str, *, ip: str) -> None:
    """Revokes the token that asks for it, with its device (section 4.6)."""
    found = bearer(secret, ip=ip)
    with transaction.atomic():
        tokens.revoke(Token.objects.filter(pk=found.token_id), reason="logout")
        if found.device_pk is not None:
            Device.objects.filter(pk=found.device_pk).delete()
        audit.record("logout", flow=FLOW, subject=found.credential, ip=ip)


def set_name(found: tokens.Bearer, *, name: str | None) -> messages.Owner:
    """Sets the bearer's display name; None leaves it as it is (section 4.5)."""
    if name is None:
        return owner(found)
    if found.suspended:
        raise Refusal(Reason.ACCOUNT_SUSPENDED)
    users.set_display_name(found.user_id, name)
    return replace(owner(found), display_name=name)


def _log_in(public_key: str, secret: str, *, ip: str, user_agent: str) -> None:
    with transaction.atomic():
        policy.hold()
        policy.admit(FLOW, subjects.of_key(public_key, ip=ip))  # a ban may have come meanwhile
        user, is_new = users.of_x25519_key_or_new(public_key)
        _require_usable(user)
        mark = f"{public_key} {user_agent} {addresses.neighbourhood(ip)}"
        device = devices.open(
            user, kind=Device.Kind.SESSION, display_name="Session", user_agent=user_agent, ip=ip, mark=mark
        )
        minted = tokens.Minted(secret, settings.SESSION_TOKEN_LIFETIME or None, settings.SESSION_TOKEN_IDLE or None)
        tokens.issue(minted, user=user, flow=FLOW, device=device, credential=public_key, amr="hwk")
        audit.record("login", flow=FLOW, subject=public_key, ip=ip, facts={"new_account": is_new})


def _require_usable(user: User) -> None:
    if user.state is User.State.LOCKED:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    if user.state is User.State.DEACTIVATED:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED)


def _note_failure(refusal: Refusal, *, public_key: str, ip: str) -> None:
    """Failed submits use up the address's allowance; while some is left, each is in the audit log."""
    if refusal.reason is Reason.RATE_LIMITED:
        return
    try:
        throttle.hit(_failures(), throttle.address_key(ip))
    except Refusal:
        return
    audit.record("login", outcome=audit.REFUSED, reason=refusal.reason, flow=FLOW, subject=public_key, ip=ip)


def _challenges() -> throttle.Limit:
    return throttle.Limit.of("session-challenge", settings.SESSION_CHALLENGE_RATE)


def _failures() -> throttle.Limit:
    return throttle.Limit.of("session-failure", settings.SESSION_FAILURE_RATE)


def _mac_keys() -> tuple[bytes, ...]:
    return _derived(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@cache
def _derived(*keys: str) -> tuple[bytes, ...]:
    return tuple(hmac.digest(key.encode(), b"latchkey session challenge", "sha256") for key in keys)
