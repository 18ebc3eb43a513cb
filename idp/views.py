"""What belongs to no door: the front page, unknown paths. Health and figures: `probes.py`, `metrics/`."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string

from accounts import retries
from accounts.http import response
from accounts.wire import Answer
from idp import origin


@dataclass(frozen=True, slots=True)
class Door:
    """A line of the front page."""

    name: str
    words: str
    is_open: bool


DOORS = (
    Door("Session open group", "Session desktop and phones, generation 2019 to 2021", True),
    Door("Matrix", "Accounts for Element and other Matrix clients; not a homeserver", True),
    Door("E-mail code", "Sites that sign in over Socket.IO or websocket", True),
    Door("Laverna", "OpenPGP-signed sign-in and signaling", True),
    Door("OAuth 2.0 and device login", "Element and other programs; devices without a keyboard by a code", True),
)
_PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def front_page(request: HttpRequest) -> HttpResponse:
    """200 and HTML whatever is accepted: it is also the probe of Session clients (session-open-group.md §7)."""
    if request.method not in {"GET", "HEAD"}:
        return _failure(request, 405)
    return HttpResponse(_front_page(), headers=dict(_PAGE_HEADERS))


@cache
def _front_page() -> str:
    """The same for everybody, so made once: every Session client asks for it before it logs in."""
    facts = {"doors": DOORS, "public_url": settings.PUBLIC_URL, "admin_path": settings.ADMIN_PATH}
    return render_to_string("front_page.html", facts)


def to_admin(request: HttpRequest) -> HttpResponse:
    """The administration without its last slash: a person typed it."""
    return HttpResponseRedirect(f"/{settings.ADMIN_PATH}")


def unknown_path(request: HttpRequest) -> HttpResponse:
    """404 in the owner's form; a preflight is answered even here."""
    if request.method == "OPTIONS" and (preflight := origin.preflight(request.path)) is not None:
        return response(preflight)
    return _failure(request, 404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django itself refuses: a forged host, a malformed form."""
    return _failure(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page that is not for this visitor."""
    return _failure(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A page that found nothing to show."""
    return _failure(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token."""
    return _failure(request, 403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Our fault; the trace is in the log. A database that is away is 503: Django calls this where it caught that."""
    error = sys.exc_info()[1]
    if not isinstance(error, DatabaseError | InterfaceError):
        return _failure(request, 500)
    retries.note(error)
    return _failure(request, 503)


def _failure(request: HttpRequest, status: int) -> HttpResponse:
    accept, languages = (request.META.get(name, "") for name in ("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE"))
    answer: Answer = origin.failure(status, request.path, accept, languages=languages)
    return response(answer)
