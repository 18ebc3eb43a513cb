"""What a view answers: a page, a page that says no, a way on."""

import math
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from accounts import browser, visits
from accounts.errors import Reason, Refusal
from accounts.pages import words

# R52 with what passkeys need besides: the script fetches its question (one-origin.md §1).
_PASSKEY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def page(
    request: HttpRequest,
    template: str,
    facts: dict[str, Any] | None = None,
    *,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page `pages/TEMPLATE.html`; with a refusal in words above its form, and its status."""
    shown: dict[str, Any] = {"next": browser.next_path(request), **(facts or {})}
    if refusal is not None:
        visits.note_refusal(refusal)
    if refusal is not None and "complaint" not in shown:
        shown["complaint"] = words.of(refusal)
    form = shown.get("form")
    is_wrong = form is not None and form.is_bound and not form.is_valid()
    status = words.status(refusal) if refusal else form.status if form is not None and is_wrong else status
    response = render(request, f"pages/{template}.html", shown, status=status)
    response.headers["Cache-Control"] = "no-store"
    if refusal is not None and refusal.reason in {Reason.RATE_LIMITED, Reason.OVERLOADED}:
        response.headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after or 1)))
    return response


def with_passkeys(response: HttpResponse) -> HttpResponse:
    """The page whose script asks for a passkey."""
    response.headers["Content-Security-Policy"] = _PASSKEY_POLICY
    return response


def on_to(request: HttpRequest, route: str = "", *arguments: Any) -> HttpResponseRedirect:
    """On to a page of ours, which keeps where the person wanted to go; without a route there itself."""
    if route:
        path = reverse(f"pages:{route}", args=arguments)
        return HttpResponseRedirect(browser.with_next(path, browser.next_path(request)))
    return HttpResponseRedirect(browser.next_path(request, reverse("pages:home")))
