"""Keys: seeing, adding by a proof, choosing, removing."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import browser, key_proofs
from accounts.errors import Reason, Refusal
from accounts.key_proofs import Kind
from accounts.pages.answers import page
from accounts.pages.home import keys
from accounts.pages.home.forms import OpenPGPForm, SessionTokenForm
from accounts.pages.home.views.common import done, grave, refused, who


@require_http_methods(["GET", "HEAD"])
@browser.required
def overview(request: HttpRequest) -> HttpResponseBase:
    """The keys of either kind."""
    user = who(request).user
    facts = {
        "session": keys.listed(user, Kind.X25519),
        "openpgp": keys.listed(user, Kind.OPENPGP),
        "takes_session": key_proofs.has(Kind.X25519),
        "takes_openpgp": key_proofs.has(Kind.OPENPGP),
    }
    return page(request, "home/keys", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def add_session(request: HttpRequest) -> HttpResponseBase:
    """A Session key, by a token of an app that has it."""
    if not key_proofs.has(Kind.X25519):
        return refused(request, Refusal(Reason.NOT_FOUND), "keys")
    form = SessionTokenForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return page(request, "home/key_add_session", {"form": form})
    try:
        keys.add(who(request), Kind.X25519, form.cleaned_data)
    except Refusal as refusal:
        told = form.refuse(refusal, pubKey="token")
        return page(request, "home/key_add_session", {"form": form}, refusal=None if told else refusal)
    return done(request, _("The key is added. It opens this account from now on."), "keys")


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def add_openpgp(request: HttpRequest) -> HttpResponseBase:
    """An OpenPGP key, by what it signs."""
    form = OpenPGPForm(request.POST or None)
    failure: Refusal | None = None
    try:
        if request.method == "POST" and form.is_valid():
            keys.add(who(request), Kind.OPENPGP, form.cleaned_data)
            return done(request, _("The key is added. It opens this account from now on."), "keys")
    except Refusal as refusal:
        failure = None if form.refuse(refusal) else refusal
    try:
        challenge = key_proofs.of(Kind.OPENPGP).challenge(who(request).user, ip=who(request).ip)
    except Refusal as refusal:
        return refused(request, refusal, "keys")
    return page(request, "home/key_add_openpgp", {"form": form, "challenge": challenge}, refusal=failure)


@require_POST
@grave
def publish(request: HttpRequest, key: str) -> HttpResponseBase:
    """Chooses the OpenPGP key that others find."""
    try:
        keys.publish(who(request), keys.one(who(request).user, Kind.OPENPGP, key))
    except Refusal as refusal:
        return refused(request, refusal, "keys")
    return done(request, _("Others find this key from now on."), "keys")


@require_http_methods(["GET", "HEAD", "POST"])
@grave
def remove(request: HttpRequest, kind: str, key: str) -> HttpResponseBase:
    """Asks, then takes a key away."""
    try:
        found = keys.one(who(request).user, kind, key)
        if request.method != "POST":
            return page(request, "home/key_remove", {"key": found})
        keys.remove(who(request), found)
    except Refusal as refusal:
        return refused(request, refusal, "keys", field="key")
    return done(request, _("The key is removed. What it had signed in is signed out."), "keys")
