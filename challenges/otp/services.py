"""The verbs of the code door: request a login token, confirm it (websocket-otp.md §2, §3)."""

import base64
import secrets
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import addresses, audit, clock, emails, guesses, ledger, mail, patterns, policy, subjects, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from challenges.otp import clients, confirming, jwts, limits, protocol, records
from challenges.otp.messages import FAKE_CODE, Confirmation, Request
from challenges.otp.records import FLOW, PURPOSE

_TRIES = 5
_LEAST_LIFETIME = 300  # seconds
_ROUNDS = 3  # of a confirmation whose record changed meanwhile


def request_login_token(request: Request, *, ip: str) -> str:
    """A login token for a right password; its code goes out by mail.

    CREDENTIAL_WRONG for everything that may not sign in, at equal cost (R12); RATE_LIMITED, OVERLOADED.
    """
    limits.look_for_mails(ip)
    user = guesses.password(
        emails.owner(request.email),
        request.password,
        claimed=_claimed(request.email),
        flow=FLOW,
        ip=ip,
        address_limit=limits.failures(),
        pair_limit=limits.wrong_passwords(),
        tells_state=False,
    )
    limits.take_mail(user, ip=ip)
    login = _login(request, ip=ip)
    with transaction.atomic():
        policy.hold()
        policy.admit(FLOW, subjects.of_account(user, ip=ip))  # a ban may have come meanwhile
        _hold_unchanged(user, request.email)
        ledger.expire(records.superseded(user, request.client, all_of_them=request.cancels_pending))
        _open(user, login, ip=ip)
    return jwts.login_text(login)


def confirm(message: Confirmation, *, ip: str) -> dict[str, Any]:
    """The response of the row that decides. RATE_LIMITED and OVERLOADED where a password is checked again.

    A record that changed between the look and the conditional write is looked at again: of parallel confirmations
    one wins, the others find it confirmed.
    """
    login = jwts.read_login(message.token)
    for _ in range(_ROUNDS):
        try:
            return confirming.once(login, message, ip=ip)
        except Refusal as refusal:
            if refusal.reason not in {Reason.CHALLENGE_INVALID, Reason.NOT_ADMITTED}:
                raise
    return protocol.answer(protocol.bad_token_row(message.code))


def _claimed(email: str) -> str:
    """One spelling for every spelling of an address, so that they share an allowance (R38)."""
    try:
        return patterns.email_address(email)
    except Refusal:
        return email


def _login(request: Request, *, ip: str) -> jwts.Login:
    now = int(clock.now().timestamp())
    cap = settings.OTP_TOKEN_MAX_AGE
    wanted = cap if request.lifetime is None else min(request.lifetime, cap)
    return jwts.Login(
        email=patterns.email_address(request.email),
        browser=request.browser,
        os=request.os,
        ip=addresses.mapped(ip),
        nonce=base64.b64encode(secrets.token_bytes(32)).decode(),
        iat=now,
        exp=now + int(max(wanted, _LEAST_LIFETIME)),
    )


def _hold_unchanged(user: User, address: str) -> None:
    """Makes requests of one account wait for each other, and refuses what changed since the password was checked."""
    try:
        users.hold(user)
    except Refusal:
        raise Refusal(Reason.CREDENTIAL_WRONG) from None
    if emails.owner(address) != user:  # it was taken from the account meanwhile
        raise Refusal(Reason.CREDENTIAL_WRONG)


def _open(user: User, login: jwts.Login, *, ip: str) -> None:
    code = new_code(settings.OTP_CODE_DIGITS)
    lifetime = min(settings.OTP_CODE_LIFETIME, login.exp - login.iat)
    ledger.open(
        login.nonce,
        flow=FLOW,
        purpose=PURPOSE,
        lifetime=lifetime,
        user=user,
        facts={"browser": login.browser, "os": login.os, "exp": login.exp},
        code=code,
        tries=_TRIES,
        ip=ip,
    )
    facts = {
        "code": code,
        "ip": ip or "unknown",
        "client": clients.shown(login.client),
        "place": clients.without_codes(settings.PUBLIC_HOST),
    }
    mail.send("login-code", to=login.email, facts=facts, lifetime=lifetime)
    audit.record("login-code-sent", flow=FLOW, subject=user.username, ip=ip, facts={"client": facts["client"]})


def new_code(digits: int) -> str:
    """A code from the system's randomness; never the constant that historic clients send without one."""
    while (code := f"{secrets.randbelow(10**digits):0{digits}}") == FAKE_CODE:
        pass
    return code
