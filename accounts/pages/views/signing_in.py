"""Signing in and out: password, passkey, mailed code, the second step."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import browser, passkeys, second_factors
from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.pages import mailed_codes, sign_in, sign_up, upstream
from accounts.pages.answers import on_to, page, with_passkeys
from accounts.pages.forms import AddressForm, MailedCodeForm, SecondStepForm, SignInForm

_CODE = "sign_in_code"  # in the session: the handle of a mailed code


@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponseBase:
    """Name and password; the other ways in are offered beside."""
    if request.method != "POST":
        if browser.current(request) is not None:
            return on_to(request)
        return _login_page(request, SignInForm(initial={"name": _hinted(request)}))
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _login_page(request, form)
    try:
        name, given = form.cleaned_data["name"], form.cleaned_data["password"]
        user = sign_in.password(name, given, ip=client_address(request))
        return on_to(request) if sign_in.go_on(request, user, amr=("pwd",)) else on_to(request, "second-step")
    except Refusal as refusal:
        return _login_page(request, form, refusal)


@require_POST
def logout(request: HttpRequest) -> HttpResponseBase:
    """Ends this browser's sign-in; `next` leads on, to the sign-in page if it is not given."""
    browser.sign_out(request)
    return HttpResponseRedirect(browser.next_path(request, reverse("pages:login")))


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponseBase:
    """Asks for the address to which a code goes."""
    form = AddressForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return page(request, "login_code", {"form": form})
    try:
        handle = mailed_codes.begin_sign_in(form.cleaned_data["email"], ip=client_address(request))
    except Refusal as refusal:
        told = form.refuse(refusal)
        return page(request, "login_code", {"form": form}, refusal=None if told else refusal)
    request.session[_CODE] = {"handle": handle, "address": form.cleaned_data["email"]}
    return on_to(request, "login-code-enter")


@require_http_methods(["GET", "HEAD", "POST"])
def code_enter(request: HttpRequest) -> HttpResponseBase:
    """Takes the code out of the mail."""
    held = request.session.get(_CODE)
    if not held:
        return on_to(request, "login-code")
    form = MailedCodeForm(request.POST or None)
    facts = {"form": form, "address": held["address"], "again": "pages:login-code"}
    if request.method != "POST" or not form.is_valid():
        return page(request, "login_code_enter", facts)
    try:
        row = mailed_codes.check(held["handle"], form.cleaned_data["code"], purpose=mailed_codes.SIGN_IN)
        if row.user is None:  # nobody was told this code
            raise Refusal(Reason.CREDENTIAL_WRONG, field="code")
        is_done = sign_in.go_on(request, row.user, amr=("otp",), prove=mailed_codes.used(row))
    except Refusal as refusal:
        told = form.refuse(refusal)
        return page(request, "login_code_enter", facts, refusal=None if told else refusal)
    request.session.pop(_CODE, None)
    return on_to(request) if is_done else on_to(request, "second-step")


@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponseBase:
    """A code of an app, a recovery code, or a passkey, after the first proof; or for a sign-in that lacks it."""
    signed_in = browser.current(request)
    try:
        user = signed_in.user if signed_in and not signed_in.second_factor else sign_in.pending(request)
    except Refusal:
        return on_to(request) if signed_in else on_to(request, "login")
    form = SecondStepForm(request.POST if "code" in request.POST else None)
    facts = {"form": form, "factors": second_factors.of(user), "who": user}
    if request.method != "POST" or (form.is_bound and not form.is_valid()):
        return with_passkeys(page(request, "second_step", facts))
    try:
        _take_second_step(request, form, signed_in=signed_in)
    except Refusal as refusal:
        told = form.is_bound and form.refuse(refusal)
        return with_passkeys(page(request, "second_step", facts, refusal=None if told else refusal))
    return on_to(request)


@require_POST
def second_step_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked to sign for the second step."""
    signed_in = browser.current(request)
    try:
        user = signed_in.user if signed_in else sign_in.pending(request)
        return JsonResponse({"publicKey": passkeys.begin(request, user)["publicKey"]})
    except Refusal:
        return JsonResponse({"error": "begin again"}, status=403)


@require_POST
def passkey(request: HttpRequest) -> HttpResponseBase:
    """The answer of a browser whose passkey opens an account by itself."""
    try:
        sign_in.with_passkey(request, request.POST.get("answer", ""))
    except Refusal as refusal:
        return _login_page(request, SignInForm(), refusal)
    return on_to(request)


@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked to sign, with any passkey it has for this site."""
    return JsonResponse({"publicKey": passkeys.begin(request)["publicKey"]})


def _take_second_step(request: HttpRequest, form: SecondStepForm, *, signed_in: browser.Browser | None) -> None:
    """By the code of the form, else by a passkey's answer."""
    answer = request.POST.get("answer", "")
    if signed_in is not None:
        sign_in.complete(
            request, signed_in.user, code=form.cleaned_data["code"] if form.is_bound else "", answer=answer
        )
    elif form.is_bound:
        sign_in.finish_with_code(request, sign_in.pending(request), form.cleaned_data["code"])
    else:
        sign_in.finish_with_passkey(request, sign_in.pending(request), answer)


def _hinted(request: HttpRequest) -> str:
    """The name that a client hints at: a name, an address or `mxid:@name:server`."""
    return request.GET.get("login_hint", "").removeprefix("mxid:")[:255]


def _login_page(request: HttpRequest, form: SignInForm, refusal: Refusal | None = None) -> HttpResponse:
    facts = {
        "form": form,
        "is_open": sign_up.is_open(),
        "providers": upstream.providers(),
        "title": _("Sign in"),
    }
    return with_passkeys(page(request, "login", facts, refusal=refusal))
