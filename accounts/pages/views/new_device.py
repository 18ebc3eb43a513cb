"""The link of the mail about a new device: whoever has it may end that device, after a click (qr-login.md §7.6)."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_http_methods

from accounts import browser, new_device_links
from accounts.errors import Refusal
from accounts.http import client_address
from accounts.pages.answers import page


@require_http_methods(["GET", "HEAD", "POST"])
def new_device(request: HttpRequest) -> HttpResponseBase:
    """Says which device it is; ends it when the button is pressed: programs that look at mails open links too."""
    secret = (request.POST if request.method == "POST" else request.GET).get("token", "")
    try:
        if request.method != "POST":
            return page(request, "new_device", {"told": new_device_links.find(secret), "token": secret})
        told = new_device_links.end(secret, ip=client_address(request))
    except Refusal:
        return page(request, "new_device_dead", status=404)
    who = browser.current(request)
    is_signed_in = who is not None and who.username == told.username
    return page(request, "new_device_ended", {"told": told, "is_signed_in": is_signed_in})
