"""What the views of the account have in common."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import browser
from accounts.errors import Refusal
from accounts.pages import words
from accounts.pages.answers import on_to


def who(request: HttpRequest) -> browser.Browser:
    """Who is signed in."""
    found: browser.Browser = request.browser  # type: ignore[attr-defined]  # set by `required`
    return found


def grave(view: Any) -> Any:
    """A view for who is signed in and proved it lately."""
    return browser.required(browser.authenticated_within(settings.RECENT_SIGN_IN)(view))


def done(request: HttpRequest, text: str, route: str) -> HttpResponseBase:
    """Says what was done, on the page that shows it."""
    messages.success(request, text)
    return on_to(request, route)


def refused(request: HttpRequest, refusal: Refusal, route: str, *, field: str | None = None) -> HttpResponseBase:
    """Says why not, on the page it came from."""
    messages.error(request, words.of(refusal, field=field))
    return on_to(request, route)


def number(text: str | None) -> int:
    """A number out of a query, 0 for anything else."""
    given = text or ""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
