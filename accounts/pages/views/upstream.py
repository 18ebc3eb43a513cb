"""Other sites: going there, coming back, choosing a name, connecting and disconnecting."""

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import browser
from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.pages import sign_in, sign_up, upstream, words
from accounts.pages.answers import on_to, page
from accounts.pages.forms import NewAccountForm


@require_POST
def start(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Leads to the other site, by a page of ours: `form-action` lets no form end elsewhere (R52)."""
    connects = request.POST.get("process") == "connect"
    if connects and browser.current(request) is None:
        return on_to(request, "login")
    try:
        provider = get_adapter().get_provider(request, provider=provider_id)
        process = AuthProcess.CONNECT if connects else AuthProcess.LOGIN
        leads = provider.redirect(request, process, next_url=browser.next_path(request) or None)
    except (SocialApp.DoesNotExist, SocialApp.MultipleObjectsReturned, ImproperlyConfigured):
        raise Http404 from None
    except (OSError, ValueError, KeyError):  # every failure of `requests` is an OSError
        return failed(request, Refusal(Reason.UNAVAILABLE))
    if not isinstance(leads, HttpResponseRedirect):
        return failed(request, Refusal(Reason.UNAVAILABLE))
    return page(request, "upstream_go", {"name": provider.app.name, "url": leads.url})


@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """The other site sends the person back here; ends in `arrived` or `failed` by way of the adapter."""
    from allauth.socialaccount.providers.openid_connect import views as library  # noqa: PLC0415  # loads requests

    try:
        response: HttpResponseBase = library.callback(request, provider_id)
    except (OSError, ValueError, KeyError):  # an answer that is none
        return failed(request, Refusal(Reason.UNAVAILABLE))
    return response


def arrived(request: HttpRequest, identity: upstream.Identity, state: dict[str, Any]) -> HttpResponseBase:
    """Somebody the other site vouches for: signs in, connects, or goes on to choose a name."""
    wanted = str(state.get("next") or "")
    if state.get("process") == AuthProcess.CONNECT:
        who = browser.current(request)
        if who is None:
            return on_to(request, "login")
        upstream.connect(who, identity)
        messages.success(request, _("Connected. You can sign in that way from now on."))
        return on_to(request, "upstream")
    user = upstream.account_of(identity)
    if user is None:
        if not sign_up.is_open():
            raise Refusal(Reason.REGISTRATION_CLOSED)
        upstream.keep_waiting(request, identity)
        return HttpResponseRedirect(browser.with_next(reverse("pages:upstream-new"), wanted))
    is_done = sign_in.go_on(request, user, amr=("fed",))
    route = "pages:home" if is_done else "pages:second-step"
    return HttpResponseRedirect(wanted if is_done and wanted else browser.with_next(reverse(route), wanted))


def failed(request: HttpRequest, refusal: Refusal) -> HttpResponseBase:
    """Back to where the person came from, with words."""
    messages.error(request, words.of(refusal))
    return on_to(request, "upstream" if browser.current(request) else "login")


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """The first visit from another site: a name is chosen, the terms are accepted."""
    try:
        identity = upstream.waiting(request)
    except Refusal as refusal:
        return failed(request, refusal)
    documents = sign_up.documents(get_language() or "en")
    form = NewAccountForm(request.POST or None, has_documents=bool(documents), initial={"username": identity.name})
    facts = {"form": form, "documents": documents, "identity": identity}
    if request.method != "POST" or not form.is_valid():
        return page(request, "upstream_new", facts)
    wish = sign_up.Wish(form.cleaned_data["username"], token=form.cleaned_data.get("token", ""))
    try:
        user = upstream.make_account(identity, wish, ip=client_address(request))
    except Refusal as refusal:
        told = form.refuse(refusal, registrationToken="token")
        return page(request, "upstream_new", facts, refusal=None if told else refusal)
    upstream.forget(request)
    sign_in.go_on(request, user, amr=("fed",))
    return on_to(request)


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required
def connections(request: HttpRequest) -> HttpResponseBase:
    """What the account is connected with; with POST one connection ends."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    if request.method != "POST":
        connected = upstream.connected(who.user)
        taken = {one["provider_id"] for one in connected}
        offered = [row for row in upstream.providers() if row.provider_id not in taken]
        return page(request, "upstream", {"connected": connected, "providers": offered})
    ended: HttpResponseBase = browser.authenticated_within(settings.RECENT_SIGN_IN)(_disconnect)(request)
    return ended


def _disconnect(request: HttpRequest) -> HttpResponseBase:
    given = request.POST.get("connection", "")
    try:
        who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
        upstream.disconnect(who, int(given) if given.isdecimal() and len(given) < 19 else 0)
        messages.success(request, _("Disconnected."))
    except Refusal as refusal:
        messages.error(request, words.of(refusal))
    return on_to(request, "upstream")
