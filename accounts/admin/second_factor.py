"""The second step of an administrator's sign-in, and setting one up where there must be one (R47)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import audit, clock, passkeys, recovery_codes, sealing, second_factors, staff, words
from accounts.admin.base import administrator
from accounts.browser import next_path
from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.models import User

_OFFER = "offered second factor of staff"


class CodeForm(forms.Form):
    """A code of an app, or a recovery code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "autofocus": True}),
    )


def view(request: HttpRequest) -> HttpResponse:
    """Asks for the second factor; an administrator without one who must have one sets up an app first."""
    if not staff.second_step_due(request):
        return _on(request)
    if not second_factors.of(administrator(request)).any:
        return _enrol(request)
    form = CodeForm(request.POST if "code" in request.POST else None)
    if request.method == "POST" and (not form.is_bound or form.is_valid()):
        try:
            _prove(request, form)
            return _on(request)
        except Refusal as refusal:
            form = form if form.is_bound else CodeForm({"code": ""})
            form.full_clean()
            form.errors.pop("code", None)
            form.add_error("code", _in_words(refusal))
    state = second_factors.of(administrator(request))
    return _page(request, "The second step", form=form, state=state)


def options(request: HttpRequest) -> HttpResponse:
    """What the browser is asked to sign with a passkey."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    return JsonResponse({"publicKey": passkeys.begin(request, administrator(request))["publicKey"]})


def urls() -> list[URLPattern]:
    """Reached before the second step is done (`staff.StaffSessionMiddleware`)."""
    return [
        path("second-factor/", admin.site.admin_view(view), name="second_factor"),
        path("second-factor/options/", admin.site.admin_view(options), name="second_factor_options"),
    ]


def _prove(request: HttpRequest, form: CodeForm) -> None:
    user = administrator(request)
    try:
        if form.is_bound:
            use = second_factors.check(user, form.cleaned_data["code"])
        else:
            _, use = passkeys.check(request, request.POST.get("answer", ""), expected=user)
        with transaction.atomic():
            use()
    except Refusal as refusal:
        staff.note_refusal("admin-second-factor", refusal, name=user.username, ip=client_address(request), actor=user)
        raise
    _done(request, user)


def _enrol(request: HttpRequest) -> HttpResponse:
    user = administrator(request)
    form = CodeForm(request.POST or None)
    secret = _offered(user, request.POST.get("offer", ""))
    codes: list[str] = []
    if request.method == "POST" and form.is_valid():
        try:
            second_factors.add_totp(user, secret, form.cleaned_data["code"])
            codes = recovery_codes.renew(user)
            _done(request, user)
        except Refusal as refusal:
            form.add_error("code", _in_words(refusal))
    uri, qr = second_factors.provisioning(user, secret)
    facts = {
        "form": form,
        "codes": codes,
        "qr": qr,
        "uri": uri,
        "typed": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "offer": sealing.seal(f"{user.pk} {secret}", label=_OFFER),
        "on": next_path(request, reverse("admin:index")),
    }
    return _page(request, "Keep these codes" if codes else "Set up a second factor", **facts)


def _offered(user: User, sealed: str) -> str:
    """The secret that the form holds, of this account; a new one for anything else."""
    try:
        owner, secret = sealing.unseal(sealed, label=_OFFER).split(" ", 1)
    except (sealing.InvalidToken, ValueError):
        return second_factors.new_secret()
    return secret if owner == str(user.pk) else second_factors.new_secret()


def _done(request: HttpRequest, user: User) -> None:
    request.session.cycle_key()
    request.session[staff.SECOND_STEP] = clock.seconds()
    audit.record("admin-second-factor", actor=user, subject=user.username, ip=client_address(request))


def _in_words(refusal: Refusal) -> str:
    if refusal.reason in {Reason.CREDENTIAL_WRONG, Reason.CHALLENGE_INVALID}:
        return "This is not right, or was used before. Take the next code."
    if refusal.reason is Reason.RATE_LIMITED:
        return "Too many wrong codes. Wait some minutes; until then even the right one is refused."
    return words.of(refusal)


def _page(request: HttpRequest, title: str, **facts: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "next": next_path(request), **facts}
    response = TemplateResponse(request, "admin/accounts/second_factor.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _on(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(next_path(request, reverse("admin:index")))
