"""What happened to the account."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_http_methods

from accounts import browser
from accounts.pages.answers import page
from accounts.pages.home import events as services
from accounts.pages.home.views.common import number, who


@require_http_methods(["GET", "HEAD"])
@browser.required
def events(request: HttpRequest) -> HttpResponseBase:
    """The newest first; `before` begins further back."""
    before = number(request.GET.get("before"))
    return page(request, "home/events", {"shown": services.listed(who(request), before=before), "is_first": not before})
