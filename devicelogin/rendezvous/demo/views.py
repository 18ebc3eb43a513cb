"""GET /demo/qr/: two windows that play the two devices of a login by QR code. Only with DEBUG or DEMO.

The server gives the pages and no more. Keys, code, channel and messages are made in the browser: that is the point.
"""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

# The scripts speak to this origin alone: rendezvous, OAuth and the device list (one-origin.md §1, "Headers").
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_PERMISSIONS = "camera=(self), clipboard-write=(self)"


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What it is about, and the way to both windows."""
    return _page(request, "qr/start.html", {})


@require_safe
def device(request: HttpRequest, role: str) -> HttpResponse:
    """One of the two devices: `new` or `existing`."""
    return _page(request, "qr/device.html", {"is_new": role == "new", "role": role})


def _page(request: HttpRequest, template: str, facts: dict[str, object]) -> HttpResponse:
    """The page, or the ordinary 404. The answer to a sign-in comes in the URL: nobody keeps the page."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    here = {"public_url": settings.PUBLIC_URL, "server_name": settings.MATRIX_SERVER_NAME}
    answer = render(request, template, here | facts)
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Permissions-Policy"] = _PERMISSIONS
    answer.headers["Cache-Control"] = "no-store"
    return answer
