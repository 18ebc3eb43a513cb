"""What the pages say in words: scopes, refusals, where a request came from."""

import math
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from accounts.errors import Reason, Refusal
from devicelogin.oauth import scopes
from devicelogin.oauth.pages.networks import Distance

Text = str | Promise

# What `authorizing` says of a link that leads nowhere safe; it speaks English, the page the reader's language.
PAGE_ERRORS = (
    gettext_noop("The link that led here is damaged."),
    gettext_noop("The link that led here does not say which program sent you."),
    gettext_noop("The program that sent you is not known here. Start again from the program."),
    gettext_noop("The program wants you sent somewhere it did not register. Nothing was passed on."),
)
_SCOPES: Mapping[str, Text] = {
    scopes.OPENID: gettext_lazy("Know who you are: the name of your account"),
    scopes.EMAIL: gettext_lazy("See your e-mail address"),
    scopes.SYNAPSE_ADMIN: gettext_lazy("Administer the homeserver, with all its accounts and rooms"),
    scopes.OWN_ADMIN: gettext_lazy("Administer this server, with all its accounts"),
}
_MATRIX = gettext_lazy(
    "Do everything in your account: read and send messages, see and change rooms, contacts and profile"
)
_PLACES: Mapping[Distance, Text] = {
    Distance.SAME: gettext_lazy("the same connection as yours"),
    Distance.NEAR: gettext_lazy("a network like yours"),
    Distance.FAR: gettext_lazy("another network than yours"),
    Distance.UNKNOWN: gettext_lazy("nobody knows where"),
}
_REFUSALS: Mapping[tuple[Reason, str], Text] = {
    (Reason.NOT_ADMITTED, ""): gettext_lazy("This site does not let you do that. Please ask the people who run it."),
    (Reason.FORBIDDEN, "scope"): gettext_lazy("Only administrators can allow what this program asks for."),
    (Reason.ACCOUNT_LOCKED, ""): gettext_lazy("This account is locked. Please ask the people who run this site."),
    (Reason.ACCOUNT_DEACTIVATED, ""): gettext_lazy("This account was closed."),
    (Reason.CREDENTIAL_WRONG, ""): gettext_lazy("Your password was changed meanwhile. Please sign in again."),
}
_STATUS: Mapping[Reason, int] = {
    Reason.RATE_LIMITED: 429,
    Reason.NOT_FOUND: 404,
    Reason.CHALLENGE_INVALID: 404,
    Reason.OVERLOADED: 503,
    Reason.UNAVAILABLE: 503,
}


def of_scopes(words: Iterable[str]) -> list[str]:
    """A line for each thing the program will be able to do; a device is told beside."""
    known = list(words)
    lines = [_MATRIX] if scopes.opens_matrix(" ".join(known)) else []
    return [str(line) for line in [*lines, *(text for word, text in _SCOPES.items() if word in known)]]


def of_place(distance: Distance) -> str:
    """Where a request came from, as seen from this browser."""
    return str(_PLACES[distance])


def of(refusal: Refusal) -> str:
    """A sentence that says what is wrong and what to do."""
    if refusal.reason is Reason.RATE_LIMITED:
        return _too_many(refusal.retry_after or 1.0)
    if refusal.reason in {Reason.NOT_FOUND, Reason.CHALLENGE_INVALID}:
        return _("This code is not good: it was mistyped, was used already, or is too old. Look at the other device.")
    found = _REFUSALS.get((refusal.reason, refusal.field)) or _REFUSALS.get((refusal.reason, ""))
    return str(found) if found else _("This cannot be done. Please begin again.")


def status(refusal: Refusal) -> int:
    """The status of the page that says it."""
    return _STATUS.get(refusal.reason, 403)


def account(username: str) -> str:
    """The account as Matrix clients show it."""
    return f"@{username}:{settings.MATRIX_SERVER_NAME}"


def _too_many(seconds: float) -> str:
    if seconds <= 90:
        count = max(1, math.ceil(seconds))
        wait = ngettext("%(count)d second", "%(count)d seconds", count) % {"count": count}
    else:
        count = math.ceil(seconds / 60)
        wait = ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}
    return _("That was tried too often. Please wait %(wait)s and try again.") % {"wait": wait}
