"""Two sessions, two cookies: the administration's and that of people's pages (R47, R52).

So signing out of one leaves the other alone, and an administrator's half hour does not count for people.
"""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from accounts.browser import known


class PageSessionMiddleware(SessionMiddleware):
    """Django's own for the administration; for other pages a session that is written only when it changed."""

    def process_request(self, request: HttpRequest) -> None:
        """Gives the request its session; the row is read when somebody looks into it."""
        if _is_admin(request):
            super().process_request(request)
            return
        store = import_module(settings.SESSION_ENGINE).BrowserStore
        request.session = store(request.COOKIES.get(settings.BROWSER_COOKIE_NAME))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Saves the session and sets its cookie, or takes the cookie away when nothing is left."""
        if _is_admin(request):
            answer: HttpResponse = super().process_response(request, response)
            return answer
        known.keep(request, response)
        session = request.session
        if session.accessed:
            patch_vary_headers(response, ("Cookie",))
        if session.is_empty():
            if settings.BROWSER_COOKIE_NAME in request.COOKIES and session.accessed:
                response.delete_cookie(settings.BROWSER_COOKIE_NAME, samesite="Lax")
        elif session.modified and response.status_code < 500:
            _keep(request, response)
        return response


def _keep(request: HttpRequest, response: HttpResponse) -> None:
    session: Any = request.session
    try:
        session.save()
    except UpdateError:  # it was ended by another request meanwhile: this one does not bring it back
        response.delete_cookie(settings.BROWSER_COOKIE_NAME, samesite="Lax")
        return
    response.set_cookie(
        settings.BROWSER_COOKIE_NAME,
        session.session_key,
        max_age=session.get_expiry_age(),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _is_admin(request: HttpRequest) -> bool:
    return request.path.startswith(f"/{settings.ADMIN_PATH}")
