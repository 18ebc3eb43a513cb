"""/link: the code of another device is typed here, and a person decides whether it may sign in (qr-login.md §7.6)."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import browser, clock
from accounts.browser import agents
from accounts.errors import Reason, Refusal
from devicelogin.oauth import device_grants
from devicelogin.oauth.device_grants import Grant
from devicelogin.oauth.pages import answers, networks, words

_TYPED = "link_code"  # in the session: the code that was typed here, to show its question again
_JUST_NOW = 60  # seconds; the next words are "1 minute"


@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest) -> HttpResponseBase:
    """Takes a typed code; a link that holds one spares the typing, never the decision."""
    answers.require_on(settings.OAUTH_DEVICE_GRANT)
    response: HttpResponseBase = _link(request)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest) -> HttpResponseBase:
    """The question of a code that was typed, and the answer to every question."""
    answers.require_on(settings.OAUTH_DEVICE_GRANT)
    response: HttpResponseBase = _decide(request)
    return response


@browser.required
def _link(request: HttpRequest) -> HttpResponseBase:
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    if request.method == "POST":
        return _take_code(request, who)
    offered = request.GET.get("code") or request.GET.get("user_code") or ""
    takes_links = device_grants.takes_links()
    if not (offered and takes_links):
        return answers.link(request, is_refused_link=bool(offered))
    if not who.is_fresh(settings.RECENT_SIGN_IN):
        return _prove_again(request.get_full_path())
    try:
        return _question(request, _found(offered, who), who, offered=True)
    except Refusal as refusal:
        return answers.link(request, refusal=refusal)


def _take_code(request: HttpRequest, who: browser.Browser) -> HttpResponseBase:
    code = request.POST.get("code", "")[:64]
    if not code.strip():
        return answers.link(request, complaint=_("Please type the code."))
    try:
        grant = _found(code, who)
    except Refusal as refusal:
        return answers.link(request, refusal=refusal)
    request.session[_TYPED] = grant.user_code
    return HttpResponseRedirect(reverse("oauth-pages:decide"))


@browser.required
def _decide(request: HttpRequest) -> HttpResponseBase:
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    typed = request.session.get(_TYPED, "")
    code = request.POST.get("code", "")[:64] if request.method == "POST" else typed
    if not code:
        return HttpResponseRedirect(reverse("oauth-pages:link"))
    if not who.is_fresh(settings.RECENT_SIGN_IN):
        return _prove_again(request.path if code == typed else _with_code(code))
    try:
        grant = _found(code, who)
    except Refusal as refusal:
        request.session.pop(_TYPED, None)
        return answers.link(request, refusal=refusal)
    if request.method != "POST":
        return _question(request, grant, who, offered=False)
    return _take_decision(request, grant, who)


def _take_decision(request: HttpRequest, grant: Grant, who: browser.Browser) -> HttpResponse:
    offered = request.session.get(_TYPED) != grant.user_code
    decision = request.POST.get("decision", "")
    if decision not in {"allow", "deny"} or (decision == "allow" and not request.POST.get("confirmed")):
        complaint = _("Please tick that this is your device, or choose Deny.")
        return _question(request, grant, who, offered=offered, complaint=complaint)
    try:
        if decision == "allow":
            device_grants.approve(grant, user=who.user, browser=who, ip=who.ip)
        else:
            device_grants.deny(grant, user=who.user, ip=who.ip)
    except Refusal as refusal:
        if refusal.reason is Reason.CHALLENGE_INVALID:
            return answers.link(request, refusal=refusal)
        if refusal.reason is not Reason.NAME_TAKEN:  # then the grant was refused for good
            return _question(request, grant, who, offered=offered, refusal=refusal)
        decision = "taken"
    request.session.pop(_TYPED, None)
    return answers.page(request, "linked", {"decision": decision, "name": grant.program.name})


def _question(
    request: HttpRequest,
    grant: Grant,
    who: browser.Browser,
    *,
    offered: bool,
    complaint: str = "",
    refusal: Refusal | None = None,
) -> HttpResponse:
    """All that a person should know; `offered`: the code came by a link, so it has to be compared."""
    distance = networks.distance(grant.ip, who.ip)
    facts: dict[str, Any] = {
        "grant": grant,
        "account": words.account(who.username),
        "place": words.of_place(distance),
        "is_far": distance is networks.Distance.FAR,
        "is_new": (clock.now() - grant.requested_at).total_seconds() < _JUST_NOW,
        "device": agents.in_words(grant.user_agent),
        "agent": grant.user_agent,
        "scopes": words.of_scopes(grant.scopes),
        "offered": offered,
        "back": _with_code(grant.user_code) if offered else reverse("oauth-pages:link"),
        "complaint": complaint,
    }
    if refusal is not None:
        return answers.refused(request, "decide", refusal, {**facts, "complaint": words.of(refusal)})
    return answers.page(request, "decide", facts, status=400 if complaint else 200)


def _found(code: str, who: browser.Browser) -> Grant:
    return device_grants.find(user_code=code, user_id=who.user_id, ip=who.ip)


def _with_code(code: str) -> str:
    """The page that asks about a code; where links hold none it has to be typed again."""
    path = reverse("oauth-pages:link")
    return f"{path}?{urlencode({'code': code})}" if device_grants.takes_links() else path


def _prove_again(back: str) -> HttpResponse:
    return HttpResponseRedirect(browser.with_next(reverse("pages:reauthenticate"), back))
