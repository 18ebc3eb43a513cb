"""Second factors and passkeys of one's account: seeing, adding, naming, removing them."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import browser
from accounts.errors import Refusal
from accounts.pages import own_factors, words
from accounts.pages.answers import on_to, page, with_passkeys
from accounts.pages.forms import PasskeyNameForm, SecondStepForm


def _guarded(view: browser.gate.View) -> browser.gate.View:
    """For who is signed in and proved it lately; open while a second factor is what is still missing."""
    guarded: browser.gate.View = browser.required(
        browser.authenticated_within(settings.RECENT_SIGN_IN)(view), unfinished=True
    )
    return guarded


@require_http_methods(["GET", "HEAD"])
@browser.required(unfinished=True)
def overview(request: HttpRequest) -> HttpResponse:
    """What the account has, and what could be added."""
    return page(request, "factors", own_factors.shown(_who(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def app(request: HttpRequest) -> HttpResponseBase:
    """Takes an app up: its secret as a QR code and a text, then a first code of it."""
    who = _who(request)
    form = SecondStepForm(request.POST or None)
    try:
        offer = own_factors.offered(who, request.POST.get("offer", ""))
        facts = {"form": form, "offer": offer}
        if request.method != "POST" or not form.is_valid():
            return page(request, "factors_app", facts)
        codes = own_factors.add_app(who, offer, form.cleaned_data["code"])
    except Refusal as refusal:
        if refusal.field != "code":
            return _back(request, refusal)
        form.refuse(refusal)
        return page(request, "factors_app", facts)
    browser.confirm_again(request, amr=("otp", "mfa"))
    return _added(request, codes, _("Your app is set up. From now on signing in asks for a code of it."))


@require_POST
@_guarded
def app_remove(request: HttpRequest) -> HttpResponseBase:
    """Takes the app away."""
    return _changed(request, lambda: own_factors.remove_app(_who(request)), _("The app is removed."))


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def codes(request: HttpRequest) -> HttpResponseBase:
    """New recovery codes, shown once."""
    if request.method != "POST":
        return page(request, "factors_codes_ask", own_factors.shown(_who(request)))
    try:
        return _added(request, own_factors.renew_codes(_who(request)), "")
    except Refusal as refusal:
        return _back(request, refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def passkey(request: HttpRequest) -> HttpResponseBase:
    """Adds a passkey: the script asks the browser for it."""
    form = PasskeyNameForm(request.POST or None, initial={"name": browser.agents.in_words(_who(request).user_agent)})
    if request.method != "POST" or not form.is_valid():
        return with_passkeys(page(request, "factors_passkey", {"form": form}))
    try:
        name, answer = form.cleaned_data["name"], request.POST.get("answer", "")
        codes_made = own_factors.add_passkey(request, _who(request), name=name, answer=answer)
    except Refusal as refusal:
        return with_passkeys(page(request, "factors_passkey", {"form": form}, refusal=refusal))
    browser.confirm_again(request, amr=("pop", "mfa"))
    return _added(request, codes_made, _("The passkey is added. You can sign in with it."))


@require_POST
@_guarded
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked to make."""
    try:
        return JsonResponse({"publicKey": own_factors.begin_passkey(request, _who(request))["publicKey"]})
    except Refusal as refusal:
        return JsonResponse({"error": words.of(refusal)}, status=words.status(refusal))


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def passkey_rename(request: HttpRequest, passkey_id: int) -> HttpResponseBase:
    """Gives a passkey another name."""
    try:
        form = PasskeyNameForm(request.POST or None, initial={"name": own_factors.name_of(_who(request), passkey_id)})
        if request.method != "POST" or not form.is_valid():
            return page(request, "factors_passkey_name", {"form": form})
        own_factors.rename_passkey(_who(request), passkey_id, form.cleaned_data["name"])
    except Refusal as refusal:
        return _back(request, refusal)
    messages.success(request, _("The passkey has its new name."))
    return on_to(request, "second-factors")


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def passkey_remove(request: HttpRequest, passkey_id: int) -> HttpResponseBase:
    """Asks, then takes a passkey away."""
    try:
        name = own_factors.name_of(_who(request), passkey_id)
    except Refusal as refusal:
        return _back(request, refusal)
    if request.method != "POST":
        return page(request, "factors_passkey_remove", {"name": name})
    done = _("The passkey is removed. Remove it from your device too.")
    return _changed(request, lambda: own_factors.remove_passkey(_who(request), passkey_id), done)


def _who(request: HttpRequest) -> browser.Browser:
    found: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    return found


def _added(request: HttpRequest, codes_made: list[str], done: str) -> HttpResponseBase:
    """The new recovery codes, if any were made; they are shown in this answer and nowhere else."""
    if codes_made:
        return page(request, "factors_codes", {"codes": codes_made, "done": done})
    messages.success(request, done)
    return on_to(request) if browser.next_path(request) else on_to(request, "second-factors")


def _changed(request: HttpRequest, change: own_factors.Change, done: str) -> HttpResponseBase:
    try:
        change()
    except Refusal as refusal:
        return _back(request, refusal)
    messages.success(request, done)
    return on_to(request, "second-factors")


def _back(request: HttpRequest, refusal: Refusal) -> HttpResponseBase:
    messages.error(request, words.of(refusal))
    return on_to(request, "second-factors")
