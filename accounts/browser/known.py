"""A browser's own mark, by which an account knows it again when it has signed out (`accounts.new_devices`).

It opens nothing, says nothing of its accounts, and is set at the first sign-in only.
"""

import re
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_SECONDS = 400 * 86_400  # as long as browsers keep any cookie
_MARK = re.compile(r"[A-Za-z0-9_-]{43}")
_HELD = "_known_browser"  # of a request: the mark that the answer carries


def mark(request: HttpRequest) -> str:
    """The mark of this browser; the answer gives it one, or prolongs it. "" where nobody is told of new devices."""
    if not settings.NEW_DEVICE_MAILS:
        return ""
    given = request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")
    held: str = given if _MARK.fullmatch(given) else secrets.token_urlsafe(32)
    request.__dict__[_HELD] = held
    return held


def keep(request: HttpRequest, response: HttpResponse) -> None:
    """Sets the cookie after a sign-in."""
    if held := request.__dict__.get(_HELD):
        response.set_cookie(
            settings.KNOWN_BROWSER_COOKIE_NAME,
            held,
            max_age=_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
