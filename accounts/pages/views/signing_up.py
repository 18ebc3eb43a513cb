"""Making an account, and confirming its address."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from accounts import browser
from accounts.errors import Refusal
from accounts.http import client_address
from accounts.pages import mailed_codes, sign_in, sign_up, upstream
from accounts.pages.answers import on_to, page
from accounts.pages.forms import MailedCodeForm, SignUpForm

_CODE = "sign_up_code"
_FIELDS = {"registrationToken": "token"}


@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponseBase:
    """The form of a new account; says so when none are made here."""
    if request.method != "POST" and browser.current(request) is not None:
        return on_to(request)
    documents = sign_up.documents(get_language() or "en")
    form = SignUpForm(request.POST or None, has_documents=bool(documents))
    if not sign_up.is_open():
        return page(request, "signup_closed", {"form": None})
    facts = {"form": form, "documents": documents, "providers": upstream.providers()}
    if request.method != "POST" or not form.is_valid():
        return page(request, "signup", facts)
    ip, given = client_address(request), form.cleaned_data
    wish = sign_up.Wish(given["username"], given["password"], given.get("email", ""), given.get("token", ""))
    try:
        user, handle = sign_up.begin(wish, ip=ip)
        if user is not None:
            sign_in.go_on(request, user, amr=("pwd",))
            return on_to(request)
    except Refusal as refusal:
        told = form.refuse(refusal, **_FIELDS)
        return page(request, "signup", facts, refusal=None if told else refusal)
    request.session[_CODE] = {"handle": handle, "address": wish.email}
    return on_to(request, "signup-confirm")


@require_http_methods(["GET", "HEAD", "POST"])
def signup_confirm(request: HttpRequest) -> HttpResponseBase:
    """Takes the code out of the mail; then the account is made, and signed in."""
    held = request.session.get(_CODE)
    if not held:
        return on_to(request, "signup")
    form = MailedCodeForm(request.POST or None)
    facts = {"form": form, "address": held["address"], "again": "pages:signup"}
    if request.method != "POST" or not form.is_valid():
        return _confirm_page(request, facts)
    try:
        row = mailed_codes.check(held["handle"], form.cleaned_data["code"], purpose=mailed_codes.SIGN_UP)
        user = sign_up.finish(row, ip=client_address(request))
    except Refusal as refusal:
        told = form.refuse(refusal)
        return _confirm_page(request, facts, None if told else refusal)
    request.session.pop(_CODE, None)
    sign_in.go_on(request, user, amr=("pwd", "otp"))
    return on_to(request)


def _confirm_page(request: HttpRequest, facts: dict[str, object], refusal: Refusal | None = None) -> HttpResponse:
    return page(request, "signup_confirm", facts, refusal=refusal)
