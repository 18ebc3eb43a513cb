"""Second factors of one's own account: an app, recovery codes, passkeys (R47)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from accounts import browser, credentials, passkeys, recovery_codes, sealing, second_factors, users
from accounts.errors import Reason, Refusal
from accounts.models import User
from accounts.pages import notices

Change = Callable[[], Any]
_OFFER = "offered second factor"


@dataclass(frozen=True, slots=True)
class Offer:
    """A secret offered to an app: in groups of four for typing, as a QR code, and sealed for the form. Nothing is
    stored until a code of it was shown."""

    secret: str
    qr: str
    uri: str
    sealed: str

    @property
    def typed(self) -> str:
        """For people who type it."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))


def shown(who: browser.Browser) -> dict[str, Any]:
    """What the overview tells."""
    state = second_factors.of(who.user)
    keys = [{"id": row.pk, "name": row.wrap().name, "row": row} for row in passkeys.listed(who.user)]
    return {
        "state": state,
        "passkeys": keys,
        "is_required": second_factors.is_required(who.user),
        "few_codes": state.any and state.recovery_codes <= 3,
    }


def offered(who: browser.Browser, sealed: str) -> Offer:
    """The offer that the form holds, of this account; a new one without. CHALLENGE_INVALID for what we did not seal."""
    secret = _opened(who, sealed) if sealed else second_factors.new_secret()
    uri, qr = second_factors.provisioning(who.user, secret)
    return Offer(secret, qr, uri, sealed or sealing.seal(f"{who.user_id} {secret}", label=_OFFER))


def add_app(who: browser.Browser, offer: Offer, code: str) -> list[str]:
    """Takes the app up; new recovery codes if there were none. CREDENTIAL_WRONG with field code, RATE_LIMITED."""
    try:
        second_factors.add_totp(who.user, offer.secret, code)
    except Refusal as refusal:
        raise Refusal(refusal.reason, field="code", retry_after=refusal.retry_after) from None
    return _with_codes(who.user)


def remove_app(who: browser.Browser) -> None:
    """FORBIDDEN when it is the last one and there has to be one; NOT_FOUND."""
    _keep_one(who.user)
    if not second_factors.remove_totp(who.user):
        raise Refusal(Reason.NOT_FOUND)
    notices.tell(who.user, notices.FACTOR_REMOVED)


def renew_codes(who: browser.Browser) -> list[str]:
    """Ten new ones. FORBIDDEN without a second factor that they could stand in for."""
    if not second_factors.of(who.user).any:
        raise Refusal(Reason.FORBIDDEN)
    with transaction.atomic():
        notices.tell(who.user, notices.CODES)
        return recovery_codes.renew(who.user)


def begin_passkey(request: HttpRequest, who: browser.Browser) -> dict[str, Any]:
    """What the browser is asked to make."""
    return passkeys.begin_adding(request, who.user)


def add_passkey(request: HttpRequest, who: browser.Browser, *, name: str, answer: str) -> list[str]:
    """Takes the passkey up; new recovery codes if there were none. CHALLENGE_INVALID, CREDENTIAL_TAKEN, FORBIDDEN."""
    passkeys.add(request, who.user, name=name, answer=answer)
    return _with_codes(who.user)


def name_of(who: browser.Browser, passkey_id: int) -> str:
    """NOT_FOUND unless it is the account's."""
    found = next((row for row in passkeys.listed(who.user) if row.pk == passkey_id), None)
    if found is None:
        raise Refusal(Reason.NOT_FOUND)
    return str(found.wrap().name)


def rename_passkey(who: browser.Browser, passkey_id: int, name: str) -> None:
    """NOT_FOUND unless it is the account's."""
    passkeys.rename(who.user, passkey_id, name)


def remove_passkey(who: browser.Browser, passkey_id: int) -> None:
    """LAST_CREDENTIAL when nothing else opens the account; FORBIDDEN when it is the last second factor and there has
    to be one; NOT_FOUND."""
    with transaction.atomic():
        users.held(who.user_id)  # of two removals at once one sees what the other left
        _keep_one(who.user)
        passkeys.remove(who.user, passkey_id)
        if credentials.count(who.user) == 0:
            raise Refusal(Reason.LAST_CREDENTIAL)
        notices.tell(who.user, notices.FACTOR_REMOVED)


def _keep_one(user: User) -> None:
    state = second_factors.of(user)
    if second_factors.is_required(user) and state.totp + state.passkeys <= 1:
        raise Refusal(Reason.FORBIDDEN, field="factor")


def _with_codes(user: User) -> list[str]:
    notices.tell(user, notices.FACTOR_ADDED)
    return [] if recovery_codes.left(user) else recovery_codes.renew(user)


def _opened(who: browser.Browser, sealed: str) -> str:
    try:
        owner, secret = sealing.unseal(sealed, label=_OFFER).split(" ", 1)
    except (sealing.InvalidToken, ValueError):
        raise Refusal(Reason.CHALLENGE_INVALID) from None
    if owner != str(who.user_id):
        raise Refusal(Reason.CHALLENGE_INVALID)
    return secret
