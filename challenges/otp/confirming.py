"""One look at a confirmation: facts to the table, and what the deciding row does (websocket-otp.md §3)."""

from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import addresses, audit, clock, devices, guesses, ledger, policy, subjects, tokens, users
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, Device, Token, User
from challenges.otp import clients, elsewhere, grants, jwts, limits, protocol, records
from challenges.otp.messages import Confirmation
from challenges.otp.protocol import Claim, Record
from challenges.otp.records import FLOW, Found

_AFTER_CODE, _REMEMBERED, _REMEMBERED_WITH_PASSWORD = "pwd otp", "rmb", "pwd rmb"


def once(login: jwts.Login | None, message: Confirmation, *, ip: str) -> dict[str, Any]:
    """The response, by the state found now.

    CHALLENGE_INVALID or NOT_ADMITTED when that changed before it could be acted upon: look again. RATE_LIMITED.
    """
    if login is None:
        return protocol.answer(protocol.bad_token_row(message.code))
    found = records.find(login.nonce)
    claim = _claim(login, found, message, ip=ip)
    if claim.admitted and not claim.past_end and not claim.same_client:
        _note_mismatch(login, found, ip=ip)
    row = protocol.row(
        claim,
        code_is_right=partial(_try, found, message.otp),
        password_holds=partial(_password_holds, login, found, message, ip=ip),
    )
    match row:
        case 5:
            return protocol.answer(row, verified=True, **_confirm(login, found, message, ip=ip))
        case 6:
            return protocol.answer(row, verified=False, tries_left=_note_wrong_code(found, ip=ip))
        case 7:
            _try(found, "")
        case 8:
            return protocol.answer(row, verified=True, **_remember(login, found, message, ip=ip))
    return protocol.answer(row)


def _claim(login: jwts.Login, found: Found, message: Confirmation, *, ip: str) -> Claim:
    user, said = found.user, message.client
    return Claim(
        past_end=login.exp <= clock.now().timestamp(),
        record=found.record,
        same_client=said is not None and clients.is_same(said, login.client, families=settings.OTP_COMPARE_FAMILIES),
        active=user is not None and user.is_active,
        admitted=user is None or policy.decide(FLOW, subjects.of_account(user, ip=ip)).admitted,
        code=message.code,
    )


def _try(found: Found, code: str) -> bool:
    """Compares, and uses a try up before; with "" it only costs the try."""
    return ledger.answer(_challenge(found), code)


def _password_holds(login: jwts.Login, found: Found, message: Confirmation, *, ip: str) -> bool:
    """Whether a remembered login may go on with the password that came with it, or with none."""
    if message.password is None:
        return str(settings.OTP_REMEMBERED_PASSWORD) == "optional"
    try:
        guesses.password(
            found.user,
            message.password,
            claimed=login.email,
            flow=FLOW,
            ip=ip,
            address_limit=limits.failures(),
            pair_limit=limits.wrong_passwords(),
            tells_state=False,
        )
    except Refusal as refusal:
        if refusal.reason is Reason.CREDENTIAL_WRONG:
            return False
        raise
    return True


def _confirm(login: jwts.Login, found: Found, message: Confirmation, *, ip: str) -> dict[str, Any]:
    """Row 5: the pending login is used up and becomes a remembered one, in one transaction (R15)."""
    user = _user(found)
    with transaction.atomic():
        policy.hold()
        policy.admit(FLOW, subjects.of_account(user, ip=ip))
        if not users.held(user.pk).is_active:  # a change of password or address has cancelled this, a lock has not
            raise Refusal(Reason.CHALLENGE_INVALID, detail="locked or deactivated meanwhile")
        ledger.consume(_challenge(found), answered=True)
        name = clients.shown(login.client)
        mark = f"{name} {addresses.neighbourhood(ip)}"
        device = devices.open(user, kind=Device.Kind.OTP, display_name=name, user_agent=login.browser, ip=ip, mark=mark)
        minted = tokens.Minted(login.nonce, max(login.exp - clock.now().timestamp(), 0.001))
        kind = Token.Kind.REMEMBERED
        made = tokens.issue(minted, user=user, flow=FLOW, kind=kind, device=device, amr=_AFTER_CODE)
        elsewhere.is_new(login, ip)  # where the code was entered is no other network later
        return _granted(made, message, amr=_AFTER_CODE, ip=ip)


def _remember(login: jwts.Login, found: Found, message: Confirmation, *, ip: str) -> dict[str, Any]:
    """Row 8. The row is held: whoever revokes it waits, and then ends the new pair too."""
    amr = _REMEMBERED if message.password is None else _REMEMBERED_WITH_PASSWORD
    with transaction.atomic():
        policy.hold()
        policy.admit(FLOW, subjects.of_account(_user(found), ip=ip))
        rows = Token.objects.filter(digest=tokens.digest(login.nonce), revoked_at=None)
        token = rows.select_related("user", "device").select_for_update(of=("self",)).first()
        bearer = tokens.check(login.nonce, flow=FLOW, kind=Token.Kind.REMEMBERED, ip=ip)  # writes the last use
        if token is None or bearer is None or bearer.locked:
            raise Refusal(Reason.CHALLENGE_INVALID, detail="ended meanwhile")
        limits.take_pair(login.nonce)
        elsewhere.tell_of_new(login, token.user, ip=ip)
        return _granted(token, message, amr=amr, ip=ip)


def _granted(token: Token, message: Confirmation, *, amr: str, ip: str) -> dict[str, Any]:
    assert token.device is not None
    assert token.expires_at is not None
    pair = grants.issue_pair(token.user, device=token.device, amr=amr, until=token.expires_at)
    audit.record("login", flow=FLOW, subject=token.user.username, ip=ip, facts={"amr": amr})
    return {"token": message.token, **pair.render()}


def _note_wrong_code(found: Found, *, ip: str) -> int:
    """Row 6: answers how many tries are left."""
    user, challenge = _user(found), _challenge(found)
    limits.note_wrong_code(user)
    reason = Reason.CREDENTIAL_WRONG
    audit.record("login-code", outcome=audit.REFUSED, reason=reason, flow=FLOW, subject=user.username, ip=ip)
    challenge.refresh_from_db(fields=["tries_left"])
    return challenge.tries_left


def _note_mismatch(login: jwts.Login, found: Found, *, ip: str) -> None:
    """Another browser or system: costs no try, but the tenth within an hour ends the login."""
    if found.user is None or found.record not in {Record.PENDING, Record.CONFIRMED}:
        return
    is_last = limits.mismatches_used_up(login.nonce)
    facts = {"state": found.record.value, "ended": is_last}
    audit.record(
        "login-from-other-client", outcome=audit.REFUSED, flow=FLOW, subject=found.user.username, ip=ip, facts=facts
    )
    if is_last and found.challenge is not None:
        ledger.expire(Challenge.objects.filter(pk=found.challenge.pk))
    elif is_last and found.token is not None:
        tokens.revoke(Token.objects.filter(pk=found.token.pk), reason="other browser")


def _challenge(found: Found) -> Challenge:
    assert found.challenge is not None
    return found.challenge


def _user(found: Found) -> User:
    assert found.user is not None
    return found.user
