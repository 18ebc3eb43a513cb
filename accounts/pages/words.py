"""Refusals in words for a person at a page, in their language."""

from collections.abc import Mapping

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.errors import Reason, Refusal

Text = str | Promise

_WORDS: Mapping[tuple[Reason, str], Text] = {
    (Reason.CREDENTIAL_WRONG, ""): gettext_lazy("The name or the password is not right."),
    (Reason.CREDENTIAL_WRONG, "own"): gettext_lazy("This is not your password."),
    (Reason.CREDENTIAL_WRONG, "code"): gettext_lazy("This code is not right. Look again, or take the next one."),
    (Reason.CREDENTIAL_WRONG, "passkey"): gettext_lazy("This passkey does not open an account here."),
    (Reason.CHALLENGE_INVALID, ""): gettext_lazy("This took too long, or was used before. Please begin again."),
    (Reason.CHALLENGE_INVALID, "code"): gettext_lazy("This code was used before. Take the next one."),
    (Reason.CHALLENGE_INVALID, "token"): gettext_lazy("The registration token is not good any more."),
    (Reason.ACCOUNT_LOCKED, ""): gettext_lazy("This account is locked. Please ask the people who run this site."),
    (Reason.ACCOUNT_DEACTIVATED, ""): gettext_lazy("This account was closed."),
    (Reason.NOT_ADMITTED, ""): gettext_lazy("This site does not let you in. Please ask the people who run it."),
    (Reason.NOT_ADMITTED, "email"): gettext_lazy("This address is not accepted here."),
    (Reason.NAME_TAKEN, "username"): gettext_lazy("This name is taken. Please choose another one."),
    (Reason.NAME_INVALID, "username"): gettext_lazy(
        "A name holds a–z, 0–9 and . _ = / + -, does not begin with _ and is not only digits."
    ),
    (Reason.NAME_RESERVED, "username"): gettext_lazy("This name cannot be chosen. Please take another one."),
    (Reason.CREDENTIAL_TAKEN, "email"): gettext_lazy("This address belongs to an account already."),
    (Reason.CREDENTIAL_TAKEN, "passkey"): gettext_lazy("This passkey belongs to your account already."),
    (Reason.CREDENTIAL_TAKEN, "upstream"): gettext_lazy("This sign-in belongs to another account here."),
    (Reason.NOT_FOUND, "email"): gettext_lazy("No account has this address."),
    (Reason.FIELD_INVALID, "email"): gettext_lazy("This is not an e-mail address."),
    (Reason.FIELD_INVALID, "password"): gettext_lazy("This password is too long, or holds what cannot be stored."),
    (Reason.FORBIDDEN, "registrationToken"): gettext_lazy("This registration token is not good."),
    (Reason.FORBIDDEN, "factor"): gettext_lazy(
        "This site asks everybody for a second factor. Add another one before you remove this one."
    ),
    (Reason.FORBIDDEN, "address"): gettext_lazy(
        "Accounts here need a confirmed e-mail address, and the other site vouches for none. Please sign up here."
    ),
    (Reason.FORBIDDEN, "passkey"): gettext_lazy("There are too many passkeys. Remove one first."),
    (Reason.CREDENTIAL_WRONG, "token"): gettext_lazy(
        "This is no token of a Session app that is signed in here. Copy it whole, and while the app is signed in."
    ),
    (Reason.CREDENTIAL_WRONG, "signature"): gettext_lazy(
        "This signature is not good. Sign the text shown here with the key you give, unchanged."
    ),
    (Reason.CREDENTIAL_TAKEN, "pubKey"): gettext_lazy(
        "This key belongs to another account that has more than the key. Remove it there first."
    ),
    (Reason.CREDENTIAL_TAKEN, "publicKey"): gettext_lazy(
        "This key belongs to another account that has more than the key. Remove it there first."
    ),
    (Reason.FORBIDDEN, "token"): gettext_lazy("This key opens your account already."),
    (Reason.FIELD_INVALID, "publicKey"): gettext_lazy(
        "This is no public OpenPGP key that can be used here. Export it with armour, whole, and not the private one."
    ),
    (Reason.FORBIDDEN, "email"): gettext_lazy("This address is confirmed already."),
    (Reason.FORBIDDEN, "unconfirmed"): gettext_lazy("Confirm this address first."),
    (Reason.NOT_FOUND, "identity"): gettext_lazy(
        "The homeserver does not know your account yet. Sign in with a Matrix app first."
    ),
    (Reason.FORBIDDEN, "addresses"): gettext_lazy("There are too many addresses. Remove one first."),
    (Reason.FORBIDDEN, "lastAddress"): gettext_lazy(
        "Accounts here need a confirmed e-mail address. Add another one before you remove this one."
    ),
    (Reason.FORBIDDEN, "username"): gettext_lazy("The name can be changed once only."),
    (Reason.FORBIDDEN, "administrator"): gettext_lazy(
        "You are the only administrator. Make somebody else one before you close this account."
    ),
    (Reason.FIELD_INVALID, "typed"): gettext_lazy("This is not what is asked for. Look above, and type it again."),
    (Reason.FIELD_INVALID, "name"): gettext_lazy("It is too long, or holds what cannot be shown."),
    (Reason.ACCOUNT_SUSPENDED, ""): gettext_lazy(
        "This account is suspended: what others see of it cannot be changed. Ask the people who run this site."
    ),
    (Reason.NOT_FOUND, "device"): gettext_lazy("This device is not signed in to your account any more."),
    (Reason.NOT_FOUND, "key"): gettext_lazy("Your account has no such key."),
    (Reason.NOT_FOUND, ""): gettext_lazy("This is not there any more."),
    (Reason.UNAVAILABLE, "homeserver"): gettext_lazy("The homeserver does not answer. Please try again in a moment."),
    (Reason.LAST_CREDENTIAL, "key"): gettext_lazy(
        "This key is the only thing that opens your account. Set a password, or add another key, before you remove it."
    ),
    (Reason.REGISTRATION_CLOSED, ""): gettext_lazy("New accounts are made by the people who run this site."),
    (Reason.LAST_CREDENTIAL, ""): gettext_lazy("Nothing else opens your account. Set a password first."),
    (Reason.OVERLOADED, ""): gettext_lazy("The server is busy. Please try again in a moment."),
    (Reason.UNAVAILABLE, ""): gettext_lazy("The other site does not answer. Please try again in a moment."),
}
_COMPLAINTS: Mapping[str, Text] = {
    "it must not be your name or the name of this site": gettext_lazy("It must not be your name or that of this site."),
    "this is the old password": gettext_lazy("This is the old password. Please choose another one."),
    "it is on the list of common passwords": gettext_lazy("Many people use this one, so it is guessed first."),
}
_STATUS: Mapping[Reason, int] = {
    Reason.CREDENTIAL_WRONG: 403,
    Reason.NOT_ADMITTED: 403,
    Reason.ACCOUNT_LOCKED: 403,
    Reason.ACCOUNT_DEACTIVATED: 403,
    Reason.REGISTRATION_CLOSED: 403,
    Reason.ACCOUNT_SUSPENDED: 403,
    Reason.RATE_LIMITED: 429,
    Reason.OVERLOADED: 503,
    Reason.UNAVAILABLE: 503,
}


def of(refusal: Refusal, *, field: str | None = None) -> str:
    """A sentence that says what is wrong and what to do."""
    if refusal.reason is Reason.RATE_LIMITED:
        return _too_many(refusal.retry_after or 1.0)
    if refusal.reason is Reason.PASSWORD_WEAK:
        return _weak(refusal.detail)
    narrow = (refusal.reason, refusal.field if field is None else field)
    found = _WORDS.get(narrow) or _WORDS.get((refusal.reason, ""))
    return str(found) if found else _("This cannot be done. Please begin again.")


def status(refusal: Refusal) -> int:
    """The status of the page that says it."""
    return _STATUS.get(refusal.reason, 400)


def password_rules() -> str:
    """Shown beside the field of a new password."""
    least = settings.PASSWORD_MIN_LENGTH
    return ngettext(
        "At least %(least)d character. A few words in a row are easy to remember and hard to guess.",
        "At least %(least)d characters. A few words in a row are easy to remember and hard to guess.",
        least,
    ) % {"least": least}


def _weak(complaint: str) -> str:
    if complaint in _COMPLAINTS:
        return str(_COMPLAINTS[complaint])
    least = settings.PASSWORD_MIN_LENGTH
    return ngettext("It needs at least %(least)d character.", "It needs at least %(least)d characters.", least) % {
        "least": least
    }


def _too_many(seconds: float) -> str:
    if seconds <= 90:
        count = max(1, round(seconds))
        wait = ngettext("%(count)d second", "%(count)d seconds", count) % {"count": count}
    else:
        count = round(seconds / 60)
        wait = ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
    return _("That was tried too often. Please wait %(wait)s and try again.") % {"wait": wait}
