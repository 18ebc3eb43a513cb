"""Sessions of programs: opened by a code or a device grant, refreshed, ended (matrix-oauth.md §4–6; R23–R25).

All tokens of a session are one family, chosen when its code or grant was made: so a code that comes again finds the
session that it opened.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import (
    audit,
    clock,
    devices,
    emails,
    homeserver,
    ledger,
    mail,
    minting,
    new_devices,
    policy,
    programs,
    subjects,
    tokens,
    users,
)
from accounts.browser import agents
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Device, Flow, Token, User
from devicelogin.oauth import clients, id_tokens, scopes
from devicelogin.oauth.clients import FLOW, Program
from devicelogin.oauth.device_grants import Asked
from devicelogin.oauth.protocol import REFRESH_GRANT, Issued

QUICK_RETRY = 20.0  # seconds in which a code that comes again means a lost answer (section 4)
_QUICK_POLL = 10.0  # the same of a device code whose tokens nobody used (qr-login.md §7.4)
_ENDED_HERE = (Flow.DEVICELOGIN, Flow.MATRIX)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session is opened from: the challenge, and whether a device that exists gives way to it."""

    challenge_id: int
    user_id: int
    facts: dict[str, Any]
    replaces: bool
    answered: bool


def redeem_code(row: Challenge, program: Program, *, ip: str) -> Issued:
    """Tokens for an authorization code whose bindings were checked.

    CHALLENGE_INVALID (used or expired meanwhile, its browser signed out), ACCOUNT_…, NOT_ADMITTED, FORBIDDEN with
    field device_id (as many devices as may be).
    """
    assert row.user_id is not None
    opening = Opening(row.pk, row.user_id, row.facts, replaces=True, answered=False)
    return _open(opening, program, ip=ip, user_agent=row.facts["user_agent"])


def redeem_grant(grant: Asked, program: Program, *, ip: str) -> Issued:
    """Tokens for an approved device grant; as `redeem_code`, and CHALLENGE_INVALID with field access_denied when the
    account has a device of this id."""
    assert grant.user_id is not None
    opening = Opening(grant.challenge_id, grant.user_id, grant.facts, replaces=False, answered=True)
    return _open(opening, program, ip=ip, user_agent=grant.facts["user_agent"])


def code_came_again(row: Challenge, *, ip: str) -> None:
    """A used code: theft, unless it comes so soon that the answer may have been lost. Then its session ends."""
    assert row.used_at is not None
    if row.used_at <= clock.after(-QUICK_RETRY):
        _end_stolen(row.facts["family"], "authorization-code-replayed", ip=ip)


def grant_came_again(grant: Asked, *, ip: str) -> None:
    """A used device code: theft, unless it comes at once and nobody used what it gave."""
    assert grant.used_at is not None
    family = Token.objects.filter(family=grant.facts["family"])
    is_unused = not family.exclude(last_used_at=None).exists() and not family.exclude(parent=None).exists()
    if grant.used_at <= clock.after(-_QUICK_POLL) or not is_unused:
        _end_stolen(grant.facts["family"], "device-code-replayed", ip=ip)


def refresh(secret: str, bearer: tokens.Bearer, *, ip: str) -> Issued:
    """A new pair for a refresh token (section 5, R24); TOKEN_UNKNOWN, ACCOUNT_LOCKED, NOT_ADMITTED.

    There is no grace for a spent one: it ends the session, the log and the owner hear of it.
    """
    if bearer.locked:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    policy.admit(FLOW, subjects.of_bearer(bearer, ip=ip))
    access, renewal = _minted(bearer.username)
    try:
        tokens.rotate(secret, flow=FLOW, access=access, refresh=renewal, grace=0)
    except tokens.Stolen as stolen:
        _tell_of_theft(stolen.token.user, stolen.token.device, "refresh-token-replayed", ip=ip)
        raise
    return Issued(access.secret, settings.OAUTH_ACCESS_LIFETIME, bearer.scope, renewal.secret)


def end(secret: str, *, client_id: str, ip: str) -> None:
    """Ends the session of an access or refresh token, with its device; nothing for a token that is none (section 6).

    One that belongs to another program, or to the Matrix login, ends too: whoever holds it may log out (MSC4254).
    """
    kinds = ((minting.ACCESS, Token.Kind.ACCESS), (minting.REFRESH, Token.Kind.REFRESH))
    kind = next((kind for prefix, kind in kinds if minting.is_genuine(secret, prefix)), None)
    token = tokens.even_lapsed(secret, flows=_ENDED_HERE, kind=kind) if kind else None
    if token is None:
        return
    with transaction.atomic():
        users.held(token.user_id)  # a login under way ends before, or comes after
        tokens.revoke(Token.objects.filter(family=token.family), reason="revoked")
        devices.end(Device.objects.filter(tokens__family=token.family).distinct(), reason="revoked")
        facts = {"client": token.client, "by": client_id or "nobody named"}
        audit.record("token-revoked", flow=token.flow, subject=token.user.username, ip=ip, facts=facts)


def _open(opening: Opening, program: Program, *, ip: str, user_agent: str) -> Issued:
    """The one way in: user and device are known to the homeserver first, then everything in one transaction."""
    scope = scopes.parse(opening.facts["scope"], longest_device_id=512)
    user = users.by_id(opening.user_id)
    name = device_name(program, user_agent)
    if not (scope.device_id and homeserver.is_on()):
        return _issue(opening, program, scope, name, ip=ip, user_agent=user_agent)
    if not user.is_active or Challenge.objects.filter(pk=opening.challenge_id, used_at=None).first() is None:
        raise Refusal(Reason.CHALLENGE_INVALID)
    with homeserver.preparing(user, scope.device_id, name):
        return _issue(opening, program, scope, name, ip=ip, user_agent=user_agent)


def _issue(opening: Opening, program: Program, scope: scopes.Scope, name: str, *, ip: str, user_agent: str) -> Issued:
    with transaction.atomic():
        policy.hold()
        user = _owner(opening, scope, ip=ip)
        if clients.find(program.client_id) is None:  # blocked or forgotten meanwhile
            raise Refusal(Reason.CREDENTIAL_WRONG, detail="unknown client")
        ledger.consume(Challenge(pk=opening.challenge_id), answered=opening.answered)
        device = _device(opening, program, user, scope, name, ip=ip, user_agent=user_agent)
        access, refresh_token = _tokens(opening, program, user, device, scope)
        audit.record(
            "login",
            flow=FLOW,
            subject=user.username,
            ip=ip,
            facts={"client": program.client_id, "host": program.host, "device": scope.device_id, "scope": str(scope)},
        )
        if device is None:
            new_devices.tell(user, _arrival(opening, program, ip=ip, user_agent=user_agent))
    clients.note_use(program)
    id_token = ""
    if scope.openid:
        id_token = id_tokens.make(
            sub=user.sub,
            client_id=program.client_id,
            access_token=access.secret,
            nonce=opening.facts.get("nonce", ""),
            auth_time=opening.facts["auth_time"],
            amr=opening.facts["amr"].split(),
        )
    renewal = refresh_token.secret if refresh_token else ""
    return Issued(access.secret, settings.OAUTH_ACCESS_LIFETIME, str(scope), renewal, id_token)


def _owner(opening: Opening, scope: scopes.Scope, *, ip: str) -> User:
    """The account as it is now, held; what happened to it since the decision counts (R20, R27)."""
    user = users.held(opening.user_id)
    if user.deactivated_at:
        raise Refusal(Reason.ACCOUNT_DEACTIVATED)
    if user.locked_at:
        raise Refusal(Reason.ACCOUNT_LOCKED)
    policy.admit(FLOW, subjects.of_account(user, ip=ip))
    if scope.for_administrators and not user.is_staff:
        raise Refusal(Reason.FORBIDDEN, field="scope of administrators")
    browser = opening.facts.get("browser")
    if browser is not None and not tokens.live().filter(pk=browser).exists():
        raise Refusal(Reason.CHALLENGE_INVALID, detail="the browser has signed out")
    return user


def _device(
    opening: Opening, program: Program, user: User, scope: scopes.Scope, name: str, *, ip: str, user_agent: str
) -> Device | None:
    """The device of the scope, none where it names none; one that exists gives way, or refuses (section 3)."""
    if not scope.device_id:
        return None
    known = Device.objects.filter(user=user, kind=Device.Kind.MATRIX, device_id=scope.device_id)
    if known.exists():
        if not opening.replaces:
            raise Refusal(Reason.CHALLENGE_INVALID, field="access_denied", detail="the account has this device")
        tokens.revoke(Token.objects.filter(device__in=known), reason="logged in again")
    else:
        devices.require_room(user, kind=Device.Kind.MATRIX)
    return devices.open(
        user,
        kind=Device.Kind.MATRIX,
        device_id=scope.device_id,
        display_name=name,
        user_agent=user_agent,
        ip=ip,
        program=programs.Program(program.name, program.host),
    )


def _arrival(opening: Opening, program: Program, *, ip: str, user_agent: str) -> new_devices.Arrival:
    """The session of a program that asked for no device; the same program on the same kind of browser is known."""
    return new_devices.Arrival(
        ip=ip,
        user_agent=user_agent,
        family=opening.facts["family"],
        program=programs.Program(program.name, program.host),
        mark=f"{program.client_id} {agents.in_words(user_agent)}",
    )


def _tokens(
    opening: Opening, program: Program, user: User, device: Device | None, scope: scopes.Scope
) -> tuple[tokens.Minted, tokens.Minted | None]:
    """The access token first: `tokens` tells age by id."""
    access, renewal = _minted(user.username)
    common: dict[str, Any] = {
        "user": user,
        "flow": FLOW,
        "device": device,
        "client": program.client_id,
        "scope": str(scope),
        "amr": opening.facts["amr"][:64],
        "family": uuid.UUID(opening.facts["family"]),
        "unused": True,
    }
    tokens.issue(access, **common)
    if not program.check_grant_type(REFRESH_GRANT):
        return access, None
    tokens.issue(renewal, kind=Token.Kind.REFRESH, **common)
    return access, renewal


def _minted(username: str) -> tuple[tokens.Minted, tokens.Minted]:
    access = tokens.Minted(minting.mint(minting.ACCESS, username), settings.OAUTH_ACCESS_LIFETIME)
    return access, tokens.Minted(minting.mint(minting.REFRESH, username), idle=settings.OAUTH_REFRESH_IDLE or None)


def device_name(program: Program, user_agent: str) -> str:
    """What a person will know the device by: "Element on Firefox on Linux" would be too long, so a slash."""
    where = agents.in_words(user_agent).replace(" on ", "/")
    return f"{program.name} on {where}"[:100] if where else program.name[:100]


def _end_stolen(family: str, event: str, *, ip: str) -> None:
    """Ends the session of a code that two parties hold."""
    living = tokens.live().filter(family=family).select_related("user", "device").first()
    if living is None:
        return
    with transaction.atomic():
        users.held(living.user_id)
        tokens.revoke(Token.objects.filter(family=family), reason=event.replace("-", " "))
    _tell_of_theft(living.user, living.device, event, ip=ip)


def _tell_of_theft(user: User, device: Device | None, event: str, *, ip: str) -> None:
    """The audit log and the account's owner hear of it."""
    name = (device.display_name or device.device_id) if device else ""
    audit.record(event, outcome=audit.REFUSED, flow=FLOW, subject=user.username, ip=ip, facts={"device": name})
    for address in emails.listed(user):
        mail.send("session-stolen", to=address.address, facts={"username": user.username, "device": name})


def expires_in(at: datetime | None) -> int | None:
    """Whole seconds until a moment, None for without end."""
    return max(0, int((at - clock.now()).total_seconds())) if at else None
