"""The account's start page, and where links of apps arrive (matrix-oauth.md §7)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_http_methods

from accounts import browser, emails, second_factors
from accounts.pages import upstream
from accounts.pages.answers import page
from accounts.pages.home import deep_links, keys, profile, signed_in


@require_http_methods(["GET", "HEAD"])
@browser.required
def home(request: HttpRequest) -> HttpResponseBase:
    """Who one is here, and the ways to what can be changed; with an `action` straight on to its page."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    if action := request.GET.get("action"):
        path = deep_links.target(action, request.GET.get("device_id", ""), user=who.user)
        if path:
            return HttpResponseRedirect(path)
    facts = {
        "user": who.user,
        "may_rename": profile.may_rename(who.user),
        "addresses": emails.confirmed(who.user_id),
        "factors": second_factors.of(who.user),
        "providers": upstream.providers(),
        "keys": keys.count(who.user),
        "devices": signed_in.count(who.user),
        "may_link": settings.OAUTH and settings.OAUTH_DEVICE_GRANT,
    }
    return page(request, "home", facts)
