"""What is signed in: seeing, naming, signing out."""

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import browser
from accounts.errors import Reason, Refusal
from accounts.pages import words
from accounts.pages.answers import on_to, page
from accounts.pages.home import signed_in
from accounts.pages.home.forms import DeviceNameForm
from accounts.pages.home.views.common import done, number, refused, who


@require_http_methods(["GET", "HEAD"])
@browser.required
def overview(request: HttpRequest) -> HttpResponseBase:
    """Everything of every door."""
    wanted = min(max(1, number(request.GET.get("page"))), 10_000)
    listed = signed_in.listed(who(request), number=wanted)
    facts: dict[str, object] = {"listed": listed, "following": wanted + 1}
    if request.GET.get("missing"):
        facts["complaint"] = words.of(Refusal(Reason.NOT_FOUND, field="device"))
    return page(request, "home/devices", facts)


@require_http_methods(["GET", "HEAD"])
@browser.required
def device(request: HttpRequest, ref: str) -> HttpResponseBase:
    """One of them, with all that is known."""
    try:
        return page(request, "home/device", {"entry": signed_in.one(who(request), ref)})
    except Refusal as refusal:
        return refused(request, refusal, "devices")


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required
def rename(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Gives a device the name that its owner knows it by."""
    try:
        entry = signed_in.one(who(request), ref)
        if not entry.kind:
            raise Refusal(Reason.NOT_FOUND, field="device")
        form = DeviceNameForm(request.POST or None, initial={"name": entry.name})
        if request.method != "POST" or not form.is_valid():
            return page(request, "home/device_name", {"form": form, "entry": entry})
        signed_in.rename(who(request), ref, form.cleaned_data["name"])
    except Refusal as refusal:
        return refused(request, refusal, "devices")
    messages.success(request, _("The device has its new name."))
    return on_to(request, "device", ref)


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required
def end(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Asks, then signs one of them out."""
    try:
        entry = signed_in.one(who(request), ref)
        if request.method != "POST":
            return page(request, "home/device_end", {"entry": entry})
        if entry.is_this:
            browser.sign_out(request)
            messages.success(request, _("You are signed out."))
            return on_to(request, "login")
        signed_in.end(who(request), ref)
    except Refusal as refusal:
        return refused(request, refusal, "devices")
    return done(request, _("%(name)s is signed out.") % {"name": entry.name[:80]}, "devices")


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required
def end_others(request: HttpRequest) -> HttpResponseBase:
    """Asks, then signs out everything but this browser."""
    if request.method != "POST":
        return page(request, "home/devices_end", {"others": max(0, signed_in.count(who(request).user) - 1)})
    signed_in.end_others(who(request))
    return done(request, _("Everything else is signed out."), "devices")
