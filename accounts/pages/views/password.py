"""Passwords: changing the own one, setting a new one by a mailed link."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import browser
from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.pages import own_password, resetting
from accounts.pages.answers import on_to, page
from accounts.pages.forms import AddressForm, ChangePasswordForm, NewPasswordForm

_TOKEN = "reset_token"  # in the session: what the opened link carried, so that it leaves the address bar


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required(unfinished=True)
def password(request: HttpRequest) -> HttpResponseBase:
    """A new password for who is signed in; the present one is asked for, or a fresh proof where there is none."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    has_one = who.user.has_usable_password()
    if not has_one and not own_password.may_set_first(who):
        return on_to_here(request)
    form: Any = (ChangePasswordForm if has_one else NewPasswordForm)(request.POST or None)
    facts = {"form": form, "has_one": has_one}
    if request.method != "POST" or not form.is_valid():
        return page(request, "password", facts)
    try:
        old = form.cleaned_data.get("old_password", "")
        own_password.change(who, old=old, new=form.cleaned_data["new_password"])
    except Refusal as refusal:
        return page(request, "password", facts, refusal=None if _told(form, refusal) else refusal)
    browser.confirm_again(request)
    messages.success(request, _("Your new password is set. Everything else that was signed in is signed out."))
    return on_to(request)


def on_to_here(request: HttpRequest) -> HttpResponseBase:
    """To a fresh proof of who one is, and back."""
    return browser.authenticated_within(0)(password)(request)


@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponseBase:
    """Asks for the address to which a link goes; the answer is the same for every address."""
    form = AddressForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return page(request, "reset", {"form": form})
    try:
        resetting.begin(form.cleaned_data["email"], ip=client_address(request))
    except Refusal as refusal:
        told = form.refuse(refusal)
        return page(request, "reset", {"form": form}, refusal=None if told else refusal)
    return page(request, "reset_sent", {"address": form.cleaned_data["email"]})


@require_http_methods(["GET", "HEAD", "POST"])
def reset_new(request: HttpRequest) -> HttpResponseBase:
    """Where the link leads. Its secret moves into the session at once: neither history nor `Referer` keep it."""
    if "token" in request.GET:
        request.session[_TOKEN] = request.GET["token"][:200]
        return on_to(request, "reset-new")
    secret = request.session.get(_TOKEN, "")
    try:
        user = resetting.owner(secret)
    except Refusal as refusal:
        return page(request, "reset_dead", refusal=refusal, facts={"complaint": ""})
    form = NewPasswordForm(request.POST or None)
    facts = {"form": form, "who": user}
    if request.method != "POST" or not form.is_valid():
        return page(request, "reset_new", facts)
    try:
        resetting.finish(secret, form.cleaned_data["new_password"])
    except Refusal as refusal:
        if refusal.reason is Reason.CHALLENGE_INVALID:
            return page(request, "reset_dead", refusal=refusal, facts={"complaint": ""})
        return page(request, "reset_new", facts, refusal=None if _told(form, refusal) else refusal)
    request.session.flush()
    messages.success(request, _("Your new password is set. Sign in with it."))
    return on_to(request, "login")


def _told(form: Any, refusal: Refusal) -> bool:
    """At the old or the new password, whichever is meant."""
    if refusal.reason is Reason.CREDENTIAL_WRONG and "old_password" in form.fields:
        return bool(form.refuse(Refusal(refusal.reason, field="own"), own="old_password"))
    return bool(form.refuse(refusal, **{"password": "new_password"}))
