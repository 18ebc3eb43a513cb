"""What the views answer: a page, a way back to the program, a sign-in first."""

import math
from typing import Any

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext as _

from accounts import visits
from accounts.browser import leaving
from accounts.errors import Refusal
from devicelogin.oauth.pages import words
from devicelogin.oauth.redirects import FORM_POST, Redirect

_LANGUAGE_SECONDS = 3600


def require_on(*switches: bool) -> None:
    """There is no such page while OAuth, or a part of it, is off."""
    if not settings.OAUTH or not all(switches):
        raise Http404


def page(
    request: HttpRequest, template: str, facts: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """The page `oauth/TEMPLATE.html`; nobody keeps it."""
    response = render(request, f"oauth/{template}.html", facts or {}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def refused(request: HttpRequest, template: str, refusal: Refusal, facts: dict[str, Any] | None = None) -> HttpResponse:
    """The page with a refusal in words above its form."""
    visits.note_refusal(refusal)
    shown = {"complaint": words.of(refusal), **(facts or {})}
    response = page(request, template, shown, status=words.status(refusal))
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return response


def link(
    request: HttpRequest, *, refusal: Refusal | None = None, complaint: str = "", is_refused_link: bool = False
) -> HttpResponse:
    """The page that takes a code, with its own address as a picture for a device with a camera."""
    here = f"{settings.PUBLIC_URL}{reverse('oauth-pages:link')}"
    picture = segno.make_qr(here, error="m").svg_data_uri(scale=4, border=3, dark="#000", light="#fff")
    facts: dict[str, Any] = {"here": here, "picture": picture, "is_refused_link": is_refused_link}
    if refusal is not None:
        return refused(request, "link", refusal, facts)
    return page(request, "link", {**facts, "complaint": complaint}, status=400 if complaint else 200)


def dead_end(request: HttpRequest, text: str, *, status: int = 400) -> HttpResponse:
    """What is told to the person, because there is nowhere safe to go on to. `text` is one of `words.PAGE_ERRORS`, or
    in the reader's language already."""
    return page(request, "dead_end", {"text": _(text)}, status=status)


def back_to_program(request: HttpRequest, redirect: Redirect) -> HttpResponse:
    """Where the program wants the answer, in the way it wants it."""
    if redirect.mode != FORM_POST:
        return leaving.to(redirect.uri, after_form=request.method == "POST")
    response = page(request, "form_post", {"uri": redirect.uri, "fields": redirect.fields})
    response.headers["Content-Security-Policy"] = leaving.policy(redirect.uri)
    return response


def sign_in_first(path: str, back: str, *, name: str = "") -> HttpResponse:
    """The page of the sign-in, or of a new account, which comes back here."""
    query = {"next": back} | ({"login_hint": name} if name else {})
    return HttpResponseRedirect(f"{path}?{urlencode(query)}")


def remember_language(request: HttpRequest, response: HttpResponse, locales: str) -> None:
    """Keeps the first of the wanted languages that the pages speak, for the sign-in pages too."""
    for wanted in locales.split()[:10]:
        try:
            language = get_supported_language_variant(wanted.lower())
        except LookupError:
            continue
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=_LANGUAGE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return
