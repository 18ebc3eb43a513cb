"""The proofs by which somebody signed in shows again who they are."""

from django.db import transaction
from django.http import HttpRequest

from accounts import browser, ledger, passkeys, second_factors
from accounts.errors import Reason, Refusal
from accounts.pages import mailed_codes, sign_in


def by_password(who: browser.Browser, given: str) -> None:
    """CREDENTIAL_WRONG, RATE_LIMITED."""
    sign_in.own_password(who.user, given, ip=who.ip)


def by_code(who: browser.Browser, given: str) -> None:
    """A code of the app, or a recovery code. CREDENTIAL_WRONG, CHALLENGE_INVALID, RATE_LIMITED."""
    use = second_factors.check(who.user, given)
    with transaction.atomic():
        use()


def by_passkey(request: HttpRequest, who: browser.Browser, answer: str) -> None:
    """A passkey of this account. CREDENTIAL_WRONG, CHALLENGE_INVALID."""
    _, use = passkeys.check(request, answer, expected=who.user)
    with transaction.atomic():
        use()


def by_mailed_code(who: browser.Browser, handle: str, given: str) -> None:
    """A code mailed to the account's first address. CREDENTIAL_WRONG, CHALLENGE_INVALID."""
    row = mailed_codes.check(handle, given, purpose=mailed_codes.AGAIN)
    if row.user_id != who.user_id:
        raise Refusal(Reason.CHALLENGE_INVALID)
    with transaction.atomic():
        ledger.consume(row, answered=True)
