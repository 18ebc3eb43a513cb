"""/link/scan: the code of another device is read by the camera, and nothing else is done with it (qr-login.md §7.6)."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts import browser
from devicelogin.oauth import device_grants
from devicelogin.oauth.pages import answers

# The one page of people's that may ask for the camera (idp/page_headers.py forbids it everywhere else).
_MAY = "camera=(self), microphone=(), geolocation=()"


@require_safe
def scan(request: HttpRequest) -> HttpResponseBase:
    """A page whose script looks for a code and goes on to /link with it; the decision is asked for there."""
    answers.require_on(settings.OAUTH_DEVICE_GRANT)
    response: HttpResponseBase = _scan(request)
    return response


@browser.required
def _scan(request: HttpRequest) -> HttpResponseBase:
    facts = {"takes_links": device_grants.takes_links(), "public_url": settings.PUBLIC_URL}
    response = answers.page(request, "scan", facts)
    response.headers["Permissions-Policy"] = _MAY
    return response
