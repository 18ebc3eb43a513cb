"""Display name, and the one own name of an account that a key made."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import browser
from accounts.errors import Reason, Refusal
from accounts.pages import words
from accounts.pages.answers import page
from accounts.pages.home import profile as services
from accounts.pages.home.forms import DisplayNameForm, RenameForm
from accounts.pages.home.views.common import done, grave, refused, who


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required
def profile(request: HttpRequest) -> HttpResponseBase:
    """What others see."""
    user = who(request).user
    form = DisplayNameForm(request.POST or None, initial={"name": user.display_name})
    facts = {"form": form, "user": user, "may_rename": services.may_rename(user)}
    if request.method != "POST" or not form.is_valid():
        return page(request, "home/profile", facts)
    try:
        services.set_display_name(who(request), form.cleaned_data["name"])
    except Refusal as refusal:
        told = form.refuse(refusal)
        return page(request, "home/profile", facts, refusal=None if told else refusal)
    return done(request, _("Your display name is changed."), "profile")


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def rename(request: HttpRequest) -> HttpResponseBase:
    """The account gets its own name, once."""
    if not services.may_rename(who(request).user):
        return refused(request, Refusal(Reason.FORBIDDEN, field="username"), "profile")
    form = RenameForm(request.POST or None)
    facts: dict[str, object] = {"form": form}
    if request.method != "POST" or not form.is_valid():
        return page(request, "home/rename", facts)
    try:
        services.rename(who(request), form.cleaned_data["username"])
    except Refusal as refusal:
        if refusal.reason is Reason.UNAVAILABLE:
            facts["complaint"] = words.of(refusal, field="homeserver")
        told = form.refuse(refusal)
        return page(request, "home/rename", facts, refusal=None if told else refusal)
    return done(request, _("Your account has its new name. Sign in with it from now on."), "profile")
