"""Codes by mail: six digits that prove an address, typed into the browser that asked (R13, R15–R17).

The code lives in the ledger; its handle in the session of the browser that asked, so a code read over somebody's
shoulder is good nowhere else. For an address that opens nothing the same is done, but no mail goes.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts import audit, browser, emails, ledger, mail, patterns, policy, subjects, throttle
from accounts.errors import Reason, Refusal
from accounts.models import Challenge, User

SIGN_IN, SIGN_UP, AGAIN, ADDRESS = "page:sign-in", "page:sign-up", "page:again", "page:address"
_DIGITS = 6
TRIES = 5


def count_mail(address: str, *, ip: str) -> str:
    """The canonical address, once a mail to it is within the limits: FIELD_INVALID, RATE_LIMITED."""
    canonical = patterns.email_address(address.strip())
    if not canonical.isascii():  # no mail server is sure to take another local part
        raise Refusal(Reason.FIELD_INVALID, field="email")
    throttle.hit(throttle.Limit.of("mail", settings.MAIL_RATE), "ip", throttle.address_key(ip))
    throttle.hit(throttle.Limit.of("page-mail", settings.PAGE_MAIL_RATE), canonical)
    return canonical


def usable_owner(address: str, *, ip: str) -> User | None:
    """The account that this address may open from here; None for nobody's, a locked or a denied one's.

    NOT_FOUND for nobody's when the operator does not hide which addresses are known.
    """
    owner = emails.owner(address)
    if owner is None and not settings.HIDE_ADDRESSES:
        raise Refusal(Reason.NOT_FOUND, field="email")
    if owner is None or not owner.is_active:
        return None
    return owner if policy.decide(browser.FLOW, subjects.of_account(owner, ip=ip)).admitted else None


def send(
    purpose: str,
    address: str,
    *,
    template: str,
    lifetime: float,
    user: User | None,
    goes: bool,
    ip: str,
    facts: dict[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> tuple[str, Challenge]:
    """Opens a challenge and queues its mail; the handle for the session, and the row.

    When the mail does not go (`goes`), the same work is done and undone. `facts` stay with the row, `more` are told in
    the mail. Call it inside a transaction if more belongs together.
    """
    handle = secrets.token_urlsafe(32)
    code = "".join(secrets.choice("0123456789") for _ in range(_DIGITS))
    with transaction.atomic():
        row = ledger.open(
            handle,
            flow=browser.FLOW,
            purpose=purpose,
            lifetime=lifetime,
            user=user,
            facts={"address": address, **(facts or {})},
            code=code,
            tries=TRIES,
            ip=ip,
        )
        with transaction.atomic():
            told = {"code": code, "minutes": round(lifetime / 60), **(more or {})}
            mail.send(template, to=address, facts=told, lifetime=lifetime)
            if not goes:
                transaction.set_rollback(True)
    return handle, row


def check(handle: str, code: str, *, purpose: str) -> Challenge:
    """The row whose code this is. A try is used up before comparing. CHALLENGE_INVALID: unknown, expired, used, no try
    left; CREDENTIAL_WRONG with field code. The caller consumes the row in the transaction that it opens."""
    row = ledger.find(handle, flow=browser.FLOW, purpose=purpose)
    if not ledger.answer(row, "".join(code.split())):
        if purpose in {SIGN_IN, AGAIN}:
            _note_wrong(row)
        raise Refusal(Reason.CREDENTIAL_WRONG, field="code")
    return row


def _note_wrong(row: Challenge) -> None:
    reason, name = Reason.CREDENTIAL_WRONG, row.user.username if row.user else row.facts["address"]
    audit.record("login-code", outcome=audit.REFUSED, reason=reason, flow=browser.FLOW, subject=name)


def used(row: Challenge) -> Callable[[], None]:
    """What uses an answered row up, for the transaction that opens what it was for."""
    return lambda: ledger.consume(row, answered=True)


def begin_sign_in(address: str, *, ip: str) -> str:
    """Mails a code that signs in; the handle is the same for every address (R13)."""
    canonical = count_mail(address, ip=ip)
    owner = usable_owner(canonical, ip=ip)
    name = owner.username if owner else ""
    handle, _ = send(
        SIGN_IN,
        canonical,
        template="page-sign-in-code",
        lifetime=settings.PAGE_CODE_LIFETIME,
        user=owner,
        goes=owner is not None,
        ip=ip,
        more={"username": name},
    )
    return handle


def begin_again(user: User, *, ip: str) -> str:
    """Mails a code to somebody signed in, who proves again who they are. NOT_FOUND without a confirmed address."""
    addresses = emails.confirmed(user.pk)
    if not addresses:
        raise Refusal(Reason.NOT_FOUND, field="email")
    canonical = count_mail(addresses[0], ip=ip)
    handle, _ = send(
        AGAIN,
        canonical,
        template="page-sign-in-code",
        lifetime=settings.PAGE_CODE_LIFETIME,
        user=user,
        goes=True,
        ip=ip,
        more={"username": user.username},
    )
    return handle
