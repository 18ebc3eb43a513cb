"""Who is signed in, asked anew with each request; and the way in for those who are not (R27, R49)."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import clock, policy, second_factors, subjects, tokens, users
from accounts.browser.going_on import with_next
from accounts.browser.signing import CACHED, FLOW, KIND
from accounts.browser.store import SIGNED_IN
from accounts.browser.who import Browser
from accounts.http import client_address

View = Callable[..., HttpResponseBase]
_KEPT_SECONDS = 86_400  # how often the session's row and cookie are prolonged while it is in use


def current(request: HttpRequest) -> Browser | None:
    """Who is signed in here; None for nobody, and while the account is locked or the lists refuse it.

    Looked up once a request. A sign-in that has ended takes the session with it.
    """
    if CACHED not in request.__dict__:
        request.__dict__[CACHED] = _looked_up(request)
    found: Browser | None = request.__dict__[CACHED]
    return found


def required(view: View | None = None, *, unfinished: bool = False) -> Any:
    """A view for people who are signed in, as `request.browser`; others sign in first and come back.

    Who has to choose a new password, or must have a second factor, does that before anything else, except on pages
    marked `unfinished`, which serve that purpose.
    """

    def decorate(wrapped: View) -> View:
        @wraps(wrapped)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            browser = current(request)
            if browser is None:
                return HttpResponseRedirect(with_next(reverse("pages:login"), _back(request)))
            if not unfinished and (first := _comes_first(browser)):
                return HttpResponseRedirect(with_next(reverse(first), _back(request)))
            request.browser = browser  # type: ignore[attr-defined]  # what the decorator is for
            request.user = browser.user
            response = wrapped(request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return guarded

    return decorate if view is None else decorate(view)


def authenticated_within(seconds: float) -> Callable[[View], View]:
    """A view below `required` for people who proved who they are at most so long ago; others prove it again first."""

    def decorate(wrapped: View) -> View:
        @wraps(wrapped)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.browser.is_fresh(seconds):  # type: ignore[attr-defined]  # set by `required`
                return wrapped(request, *args, **kwargs)
            return HttpResponseRedirect(with_next(reverse("pages:reauthenticate"), _back(request)))

        return guarded

    return decorate


def _looked_up(request: HttpRequest) -> Browser | None:
    held = request.session.get(SIGNED_IN)
    if not held:
        return None
    ip = client_address(request)
    bearer = tokens.check(held["secret"], flow=FLOW, kind=KIND, ip=ip)
    if bearer is None:
        request.session.flush()
        return None
    if bearer.locked or not policy.decide(FLOW, subjects.of_bearer(bearer, ip=ip)).admitted:
        return None
    if held.get("kept_at", held["proved_at"]) < clock.seconds() - _KEPT_SECONDS:
        request.session[SIGNED_IN] = {**held, "kept_at": clock.seconds()}
    return Browser(
        user=users.by_id(bearer.user_id),
        token_id=bearer.token_id,
        device_pk=bearer.device_pk,
        device_id=bearer.device_id or "",
        family=bearer.family,
        amr=tuple(bearer.amr.split()),
        signed_in_at=bearer.issued_at,
        authenticated_at=datetime.fromtimestamp(held["proved_at"], UTC),
        ip=ip,
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
    )


def _comes_first(browser: Browser) -> str:
    """The page of what has to be done before anything else; "" for nothing."""
    if browser.user.must_change_password:
        return "pages:password"
    if browser.second_factor or not second_factors.is_required(browser.user):
        return ""
    return "pages:second-step" if second_factors.of(browser.user).any else "pages:second-factors"


def _back(request: HttpRequest) -> str:
    """The page to come back to. What a form held is lost: its page is shown again."""
    return request.get_full_path()
