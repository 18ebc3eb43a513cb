"""Asking again who somebody is, before what reaches far (R47, OpenID Connect's `max_age`)."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_http_methods, require_POST

from accounts import browser, emails, passkeys, second_factors
from accounts.errors import Reason, Refusal
from accounts.pages import mailed_codes, proving_again
from accounts.pages.answers import on_to, page, with_passkeys
from accounts.pages.forms import MailedCodeForm, PasswordForm, SecondStepForm

_CODE = "again_code"


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required(unfinished=True)
def reauthenticate(request: HttpRequest) -> HttpResponseBase:
    """By the password, a passkey, an app's code; by a mailed code where there is none of them."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    if request.method != "POST":
        return _page(request, who)
    password = PasswordForm(request.POST if "password" in request.POST else None)
    code = SecondStepForm(request.POST if "code" in request.POST else None)
    try:
        if password.is_bound:
            if not password.is_valid():
                return _page(request, who, password=password)
            proving_again.by_password(who, password.cleaned_data["password"])
            browser.confirm_again(request, amr=("pwd",))
        elif code.is_bound:
            if not code.is_valid():
                return _page(request, who, code=code)
            proving_again.by_code(who, code.cleaned_data["code"])
            browser.confirm_again(request, amr=("otp", "mfa"))
        else:
            proving_again.by_passkey(request, who, request.POST.get("answer", ""))
            browser.confirm_again(request, amr=("pop", "mfa"))
    except Refusal as refusal:
        return _page(request, who, refusal, password=password, code=code)
    return on_to(request)


@require_POST
@browser.required(unfinished=True)
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked to sign, with a passkey of this account."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    return JsonResponse({"publicKey": passkeys.begin(request, who.user)["publicKey"]})


@require_http_methods(["GET", "HEAD", "POST"])
@browser.required(unfinished=True)
def mailed(request: HttpRequest) -> HttpResponseBase:
    """A code by mail; the first visit with POST sends it, the next takes it."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    try:
        if request.method == "POST" and "code" not in request.POST:
            request.session[_CODE] = mailed_codes.begin_again(who.user, ip=who.ip)
    except Refusal as refusal:
        return _page(request, who, refusal)
    if not request.session.get(_CODE):
        return on_to(request, "reauthenticate")
    form = MailedCodeForm(request.POST if "code" in request.POST else None)
    facts = {"form": form, "address": emails.confirmed(who.user_id)[:1], "again": "pages:reauthenticate"}
    if not form.is_bound or not form.is_valid():
        return page(request, "reauthenticate_code", facts)
    try:
        proving_again.by_mailed_code(who, request.session[_CODE], form.cleaned_data["code"])
    except Refusal as refusal:
        told = form.refuse(refusal)
        return page(request, "reauthenticate_code", facts, refusal=None if told else refusal)
    request.session.pop(_CODE, None)
    browser.confirm_again(request, amr=("otp",))
    return on_to(request)


def _page(
    request: HttpRequest,
    who: browser.Browser,
    refusal: Refusal | None = None,
    *,
    password: PasswordForm | None = None,
    code: SecondStepForm | None = None,
) -> HttpResponse:
    factors = second_factors.of(who.user)
    if refusal is not None and refusal.reason is Reason.CREDENTIAL_WRONG and password and password.is_bound:
        refusal = Refusal(refusal.reason, field="own")
    facts = {
        "password": (password or PasswordForm()) if who.user.has_usable_password() else None,
        "code": (code or SecondStepForm()) if factors.totp else None,
        "has_passkey": factors.passkeys > 0,
        "addresses": emails.confirmed(who.user_id)[:1],
    }
    return with_passkeys(page(request, "reauthenticate", facts, refusal=refusal))
