"""Closing the account; replacing the keys of a Matrix identity."""

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import browser, homeserver
from accounts.errors import Reason, Refusal
from accounts.key_proofs import Kind
from accounts.pages.answers import on_to, page
from accounts.pages.home import closing, keys
from accounts.pages.home.forms import CloseForm
from accounts.pages.home.views.common import done, grave, refused, who


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def close(request: HttpRequest) -> HttpResponseBase:
    """Says what will happen, asks for the name, then ends the account for good."""
    signed_in = who(request)
    form = CloseForm(request.POST or None, asks_erase=homeserver.is_on())
    confirmation = closing.confirmation(signed_in.user)
    facts = {
        "form": form,
        "confirmation": confirmation,
        "is_whole_name": confirmation == signed_in.username,
        "has_session_keys": bool(keys.listed(signed_in.user, Kind.X25519)),
        "is_only_administrator": closing.is_only_administrator(signed_in.user),
    }
    if request.method != "POST" or not form.is_valid():
        return page(request, "home/close", facts)
    try:
        closing.close(signed_in, typed=form.cleaned_data["typed"], erase=form.cleaned_data.get("erase", False))
    except Refusal as refusal:
        told = form.refuse(refusal)
        return page(request, "home/close", facts, refusal=None if told else refusal)
    browser.sign_out(request)
    messages.success(request, _("Your account is closed."))
    return on_to(request, "login")


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def identity_reset(request: HttpRequest) -> HttpResponseBase:
    """Lets a Matrix app replace the keys of the identity for ten minutes (MSC4191)."""
    if request.method != "POST":
        return page(request, "home/identity_reset", {"is_on": homeserver.is_on()})
    try:
        homeserver.allow_cross_signing_reset(who(request).user)
    except Refusal as refusal:
        unknown = refusal.reason is Reason.NOT_FOUND
        return refused(request, refusal, "identity-reset", field="identity" if unknown else "homeserver")
    return done(request, _("Allowed. Go back to your app and go on there within ten minutes."), "identity-reset")
