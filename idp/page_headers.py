"""Headers of people's pages (R52), and the wider policy the admin's library needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# django-unfold binds its pages with Alpine.js, which evaluates expressions, and sets colours by style attributes.
_ADMIN = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)

_NO_SENSORS = "camera=(), microphone=(), geolocation=()"  # the page that scans a code sets its own


class PageHeadersMiddleware:
    """Adds the content security policy; the other headers are Django's own middleware's."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The page with its policy; a view that set its own keeps it."""
        response: HttpResponse = self.get_response(request)
        is_admin = request.path.startswith(f"/{settings.ADMIN_PATH}")
        response.headers.setdefault("Content-Security-Policy", _ADMIN if is_admin else _PAGES)
        response.headers.setdefault("Permissions-Policy", _NO_SENSORS)
        return response
