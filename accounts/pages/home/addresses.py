"""E-mail addresses of one's account: adding by a mailed code, choosing the first, removing."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from accounts import browser, credentials, emails, ledger, mail, policy, subjects, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from accounts.pages import mailed_codes, notices

MOST = 20  # addresses of one account


@dataclass(frozen=True, slots=True)
class Address:
    """One address of the account; `id` is its row."""

    id: int
    email: str
    is_primary: bool
    is_confirmed: bool


def listed(user: User) -> list[Address]:
    """The first one at the head."""
    rows = credentials.addresses(user)
    return [Address(row.pk, row.email, bool(row.primary and row.verified), row.verified) for row in rows]


def one(user: User, address_id: int) -> Address:
    """NOT_FOUND unless it is the account's."""
    found = next((address for address in listed(user) if address.id == address_id), None)
    if found is None:
        raise Refusal(Reason.NOT_FOUND)
    return found


def begin(who: browser.Browser, address: str) -> tuple[str, str]:
    """Mails a code to an address that shall become the account's; its handle, and the address as it will be kept.

    Whoever holds the address learns from the mail what it is for, so nothing is told here of other accounts (R13).
    FIELD_INVALID, RATE_LIMITED, NOT_ADMITTED, all with field email; FORBIDDEN when it is confirmed already or there
    are too many.
    """
    canonical = mailed_codes.count_mail(address, ip=who.ip)
    known = listed(who.user)
    if any(one.email == canonical and one.is_confirmed for one in known):
        raise Refusal(Reason.FORBIDDEN, field="email", detail="confirmed already")
    if len(known) >= MOST:
        raise Refusal(Reason.FORBIDDEN, field="addresses")
    _admit(who.user, canonical, ip=who.ip)
    handle, _ = mailed_codes.send(
        mailed_codes.ADDRESS,
        canonical,
        template="page-address-code",
        lifetime=settings.PAGE_LINK_LIFETIME,
        user=who.user,
        goes=True,
        ip=who.ip,
        more={"username": who.username},
    )
    return handle, canonical


def finish(who: browser.Browser, handle: str, code: str) -> str:
    """Gives the account the address whose code this is, once; answers it.

    CREDENTIAL_WRONG with field code, CHALLENGE_INVALID, CREDENTIAL_TAKEN (another account's), NOT_ADMITTED.
    """
    row = mailed_codes.check(handle, code, purpose=mailed_codes.ADDRESS)
    if row.user_id != who.user_id:
        raise Refusal(Reason.CHALLENGE_INVALID)
    address = str(row.facts["address"])
    with transaction.atomic():
        policy.hold()
        user = users.held(who.user_id)
        _admit(user, address, ip=who.ip)
        notices.tell(user, notices.ADDRESS_ADDED)  # to the address that was the first until now
        ledger.consume(row, answered=True)
        emails.add_confirmed(user, address, actor=user)
    return address


def make_primary(who: browser.Browser, address_id: int) -> str:
    """Chooses the address that mails go to, and answers it. NOT_FOUND; FORBIDDEN for one that is not confirmed."""
    address = one(who.user, address_id)
    with transaction.atomic():
        if not address.is_primary:
            notices.tell(who.user, notices.ADDRESS_PRIMARY)
        emails.make_primary(who.user, address.email, actor=who.user)
    return address.email


def remove(who: browser.Browser, address_id: int) -> str:
    """Takes an address away and tells it so; answers it. NOT_FOUND; FORBIDDEN with field lastAddress for the only
    confirmed one where every account has to have one."""
    address = one(who.user, address_id)
    with transaction.atomic():
        users.held(who.user_id)
        others = [known for known in emails.confirmed(who.user_id) if known != address.email]
        if settings.REGISTRATION_EMAIL == "required" and address.is_confirmed and not others:
            raise Refusal(Reason.FORBIDDEN, field="lastAddress")
        if address.is_confirmed:
            facts = {"username": who.username, "what": notices.ADDRESS_REMOVED}
            mail.send("page-notice", to=address.email, facts=facts)
        if not emails.remove(who.user, address.email, actor=who.user):
            raise Refusal(Reason.NOT_FOUND)
    return address.email


def _admit(user: User, address: str, *, ip: str) -> None:
    """A deny rule for the address, or its domain, would end the account's sessions: it is said before."""
    seen = subjects.of_account(user, ip=ip)
    subject = policy.Subject(username=seen.username, ip=ip, emails=(*seen.emails, address))
    decision = policy.decide(browser.FLOW, subject)
    if not decision.admitted:
        raise Refusal(Reason.NOT_ADMITTED, field="email", detail=decision.cause)
