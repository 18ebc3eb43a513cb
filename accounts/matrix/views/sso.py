"""The pages of `m.login.sso`: where a login token goes, and a stage that is confirmed here (matrix.md §6, §14)."""

import math
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from accounts import browser
from accounts.browser import leaving
from accounts.errors import Reason, Refusal
from accounts.matrix import accounts_named, sso
from accounts.matrix.sso import Target

# What `fallback` says a session wants; it speaks English, these pages the reader's language.
WISHES = (
    gettext_noop("to end your account for ever"),
    gettext_noop("to set a new password"),
    gettext_noop("to add an e-mail address to your account"),
    gettext_noop("to sign in another device"),
    gettext_noop("to sign out devices of yours"),
    gettext_noop("to sign out a device of yours"),
    gettext_noop("something"),
)


@require_http_methods(["GET", "HEAD", "POST"])
def sign_on(request: HttpRequest) -> HttpResponseBase:
    """Sees to it that somebody is signed in, asks whether to go on, and goes there with a login token."""
    if not sso.is_on():
        raise Http404
    try:
        wanted = sso.target(request.GET.get("redirectUrl", ""))
    except Refusal:
        return _page(request, "sso_dead_end", status=400)
    provider_id = request.GET.get("provider", "")
    if provider_id and not sso.knows(provider_id):
        raise Http404
    if browser.current(request) is None:
        return _sign_in_first(request, provider_id)
    response: HttpResponseBase = _go_on(request, wanted)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required
def stage(request: HttpRequest) -> HttpResponseBase:
    """Confirms what an app of this account wants to do, for accounts without a password."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    if not sso.is_on():
        raise Http404
    if not who.is_fresh(settings.RECENT_SIGN_IN):
        return HttpResponseRedirect(browser.with_next(reverse("pages:reauthenticate"), request.get_full_path()))
    session = request.GET.get("session", "")
    try:
        wish = _(sso.wish(session, who))
        if request.method == "POST":
            sso.confirm(session, who)
            return _page(request, "sso_confirmed", {"back": _fallback(session)})
    except Refusal as refusal:
        return _page(request, "sso_dead_end", {"is_stage": True}, refusal=refusal)
    facts = {"wish": wish, "account": accounts_named.user_id(who.username), "here": request.get_full_path()}
    return _page(request, "sso_stage", facts)


@browser.required
def _go_on(request: HttpRequest, wanted: Target) -> HttpResponseBase:
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    facts = {
        "host": wanted.host,
        "account": accounts_named.user_id(who.username),
        "here": request.get_full_path(),
    }
    try:
        if request.method == "POST":
            return leaving.to(wanted.with_token(sso.issue(who, wanted)), after_form=True)
        if wanted.is_trusted and request.method == "GET":
            # Not a redirect: one that follows the form of the sign-in would be stopped by that page's policy.
            return _page(request, "sso_go", {**facts, "url": wanted.with_token(sso.issue(who, wanted))})
    except Refusal as refusal:
        return _page(request, "sso_dead_end", refusal=refusal)
    response = _page(request, "sso", facts)
    response.headers["Content-Security-Policy"] = leaving.policy(wanted.url)
    return response


def _sign_in_first(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The sign-in page, that of a new account, or a button that leads to the wanted other site."""
    back = request.get_full_path()
    name = sso.provider_name(provider_id)
    if name:
        return _page(request, "sso_provider", {"name": name, "provider_id": provider_id, "back": back})
    wants_account = request.GET.get("action") == "register" and settings.REGISTRATION != "closed"
    path = reverse("pages:signup" if wants_account else "pages:login")
    return HttpResponseRedirect(browser.with_next(path, back))


def _fallback(session: str) -> str:
    """The page of the stage, which tells the app that opened it."""
    return f"/_matrix/client/v3/auth/m.login.sso/fallback/web?{urlencode({'session': session})}"


def _page(
    request: HttpRequest,
    template: str,
    facts: dict[str, Any] | None = None,
    *,
    status: int = 200,
    refusal: Refusal | None = None,
) -> HttpResponse:
    shown = dict(facts or {})
    if refusal is not None:
        shown["complaint"] = _words(refusal)
        status = {Reason.RATE_LIMITED: 429, Reason.CHALLENGE_INVALID: 404}.get(refusal.reason, 403)
    response = render(request, f"matrix/{template}.html", shown, status=status)
    response.headers["Cache-Control"] = "no-store"
    if refusal is not None and refusal.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return response


def _words(refusal: Refusal) -> str:
    if refusal.reason is Reason.RATE_LIMITED:
        return _("That was tried too often. Please wait a minute and try again.")
    if refusal.reason is Reason.CHALLENGE_INVALID:
        return _("This is done already, is too old, or belongs to another account.")
    if refusal.reason is Reason.NOT_ADMITTED:
        return _("This site does not let you do that. Please ask the people who run it.")
    return _("This cannot be done. Please begin again.")
