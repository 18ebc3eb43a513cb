"""E-mail addresses: adding, confirming, choosing, removing."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import browser
from accounts.errors import Reason, Refusal
from accounts.pages.answers import on_to, page
from accounts.pages.forms import AddressForm, MailedCodeForm
from accounts.pages.home import addresses
from accounts.pages.home.views.common import done, grave, refused, who

_CODE = "address_code"  # in the session: the handle of the mailed code, its address, whose it shall be


@require_http_methods(["GET", "HEAD"])
@browser.required
def overview(request: HttpRequest) -> HttpResponseBase:
    """The account's addresses."""
    return page(request, "home/emails", {"addresses": addresses.listed(who(request).user)})


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def add(request: HttpRequest) -> HttpResponseBase:
    """Mails a code to a new address, or to one that is not confirmed yet."""
    form = AddressForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return page(request, "home/email_add", {"form": form})
    try:
        handle, address = addresses.begin(who(request), form.cleaned_data["email"])
    except Refusal as refusal:
        told = form.refuse(refusal)
        return page(request, "home/email_add", {"form": form}, refusal=None if told else refusal)
    request.session[_CODE] = {"handle": handle, "address": address, "user": who(request).user_id}
    return on_to(request, "email-confirm")


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def confirm(request: HttpRequest) -> HttpResponseBase:
    """Takes the code out of the mail; then the address is the account's."""
    held = request.session.get(_CODE)
    if not held or held["user"] != who(request).user_id:
        return on_to(request, "emails")
    form = MailedCodeForm(request.POST or None)
    facts = {"form": form, "address": held["address"]}
    if request.method != "POST" or not form.is_valid():
        return page(request, "home/email_confirm", facts)
    try:
        address = addresses.finish(who(request), held["handle"], form.cleaned_data["code"])
    except Refusal as refusal:
        if refusal.reason in {Reason.CHALLENGE_INVALID, Reason.CREDENTIAL_TAKEN, Reason.NOT_ADMITTED}:
            request.session.pop(_CODE, None)
            return refused(request, refusal, "emails")
        told = form.refuse(refusal)
        return page(request, "home/email_confirm", facts, refusal=None if told else refusal)
    request.session.pop(_CODE, None)
    return done(request, _("%(address)s is confirmed.") % {"address": address}, "emails")


@require_POST
@grave
def primary(request: HttpRequest, address_id: int) -> HttpResponseBase:
    """Chooses where mails go."""
    try:
        address = addresses.make_primary(who(request), address_id)
    except Refusal as refusal:
        return refused(request, _unconfirmed(refusal), "emails")
    return done(request, _("Mails go to %(address)s from now on.") % {"address": address}, "emails")


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def remove(request: HttpRequest, address_id: int) -> HttpResponseBase:
    """Asks, then takes an address away."""
    try:
        if request.method != "POST":
            return page(request, "home/email_remove", {"address": addresses.one(who(request).user, address_id)})
        address = addresses.remove(who(request), address_id)
    except Refusal as refusal:
        return refused(request, refusal, "emails")
    return done(request, _("%(address)s is removed.") % {"address": address}, "emails")


def _unconfirmed(refusal: Refusal) -> Refusal:
    """Only a confirmed address can be the one for mails."""
    is_meant = refusal.reason is Reason.FORBIDDEN
    return Refusal(Reason.FORBIDDEN, field="unconfirmed") if is_meant else refusal
