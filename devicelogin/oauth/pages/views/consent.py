"""/authorize: takes a program's request, sees to it that somebody is signed in, and asks (matrix-oauth.md §4)."""

from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import browser
from accounts.browser import agents, leaving
from accounts.errors import Refusal
from accounts.http import client_address
from devicelogin.oauth import authorizing
from devicelogin.oauth.authorizing import PageError, RedirectError
from devicelogin.oauth.pages import answers, kept, words
from devicelogin.oauth.pages.kept import Kept


@csrf_exempt  # a program's own form may lead here; it only asks, and the answer has a page of its own
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponseBase:
    """Keeps the request and leads to its page; a fault goes back to the program, or is told to the person."""
    answers.require_on()
    ip = client_address(request)
    try:
        authorizing.take(ip)
        asked = authorizing.read(_parameters(request))
    except Refusal as refusal:
        return answers.refused(request, "dead_end", refusal)
    except PageError as error:
        return answers.dead_end(request, error.words)
    except RedirectError as error:
        return answers.back_to_program(request, error.redirect)
    response = leaving.to(reverse("oauth-pages:consent", args=[kept.keep(asked, ip=ip)]), after_form=True)
    answers.remember_language(request, response, asked.ui_locales)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, handle: str) -> HttpResponseBase:
    """The question, for whoever is signed in; others sign in first and come back."""
    answers.require_on()
    try:
        asked = kept.find(handle)
        who = browser.current(request)
        if "none" in asked.request.prompt:
            return answers.back_to_program(request, kept.refuse_silently(asked, who))
    except Refusal:
        return answers.dead_end(request, _too_late())
    if who is None:
        wants_account = "create" in asked.request.prompt and settings.REGISTRATION != "closed"
        path = reverse("pages:signup" if wants_account else "pages:login")
        return answers.sign_in_first(path, request.path, name=asked.request.hinted_name)
    response: HttpResponseBase = _decide(request, asked)
    return response


@browser.required
def _decide(request: HttpRequest, asked: Kept) -> HttpResponseBase:
    """Asks, or takes the answer."""
    who: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    if not asked.is_proved_by(who):
        return HttpResponseRedirect(browser.with_next(reverse("pages:reauthenticate"), request.path))
    decision = request.POST.get("decision", "") if request.method == "POST" else ""
    if decision not in {"allow", "deny"}:
        return _question(request, asked, who)
    try:
        redirect = kept.allow(asked, who) if decision == "allow" else kept.deny(asked, who)
    except Refusal:
        return answers.dead_end(request, _too_late())
    return answers.back_to_program(request, redirect)


def _question(request: HttpRequest, asked: Kept, who: browser.Browser) -> HttpResponse:
    wanted = asked.request
    facts = {
        "name": wanted.client_name,
        "host": wanted.client_host,
        "redirect_host": wanted.redirect_host,
        "is_app": not wanted.redirect_uri.startswith("https:"),
        "account": words.account(who.username),
        "device": agents.in_words(who.user_agent),
        "device_id": wanted.device_id,
        "scopes": words.of_scopes(wanted.scopes),
        "here": request.path,
    }
    response = answers.page(request, "consent", facts)
    response.headers["Content-Security-Policy"] = leaving.policy(wanted.redirect_uri)
    return response


def _parameters(request: HttpRequest) -> Mapping[str, list[str]]:
    """All that was sent, in the URL and in a form: what is there twice is seen to be."""
    found: dict[str, list[str]] = {}
    for sent in (request.GET, request.POST):
        for name, values in sent.lists():
            found.setdefault(name, []).extend(str(value) for value in values)
    return found


def _too_late() -> str:
    return _("This took too long, or was decided already. Please start again from the program.")
