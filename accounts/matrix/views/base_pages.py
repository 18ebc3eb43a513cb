"""What the pages of the Matrix door share: headers, and errors in HTML (matrix.md §14; one-origin.md §1, "Headers").

They are answered without middleware and without cookies: what a form needs stands in its fields, so there is nothing
that a foreign site could ride on.
"""

import math
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views import View

from accounts.errors import Reason, Refusal
from accounts.http import as_refusal, response
from accounts.matrix import protocol

HEADERS = {
    **protocol.CORS,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_LONGEST_NAME = 80  # characters shown of a name somebody chose (R53)
_WORDS = {
    400: ("This link or form is not good", "It is unknown, was used already, or has expired. Please start again."),
    403: ("Not allowed", "You may not do that here."),
    404: ("There is no such page", "Please go back to your app and start again."),
    405: ("This page cannot be used that way", "Please go back to your app and start again."),
    429: ("Too many tries", "Please wait a moment and try again."),
    500: ("Something went wrong here", "The fault is ours; it has been written down. Please try again."),
    503: ("Busy", "The server cannot answer just now. Please try again in a moment."),
}


class PageView(View):
    """A page: what it refuses is a page too."""

    @property
    def methods(self) -> list[str]:
        """What it answers."""
        return [name.upper() for name in self.http_method_names if hasattr(self, name)]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Runs the method; a refusal or a failure becomes its page."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except Exception as error:  # whatever it is: as_refusal logs what is our fault
            return failure(as_refusal(error))

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """405."""
        answer = failure(Refusal(Reason.METHOD_NOT_ALLOWED))
        answer["Allow"] = ", ".join(self.methods)
        return answer

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The preflight answer of the door."""
        return response(protocol.WIRE.preflight(self.methods))


def page(template: str, *, status: int = 200, **facts: Any) -> HttpResponse:
    """The page of a template below `matrix/`; names in the facts are cut by `shown`."""
    server = shown(settings.MATRIX_SERVER_NAME)
    content = render_to_string(f"matrix/{template}.html", {"server_name": server, **facts})
    return HttpResponse(content, status=status, headers=HEADERS)


def failure(refusal: Refusal) -> HttpResponse:
    """The page of an error."""
    status = protocol.WIRE.refusal(refusal).status
    status = 403 if status == 401 else status  # no browser shall ask for credentials
    title, words = _WORDS.get(status, _WORDS[400])
    answer = page("error", status=status, title=title, words=words, number=status)
    if refusal.retry_after is not None:
        answer["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return answer


def form(request: HttpRequest) -> dict[str, str]:
    """The fields of a form as browsers send them, whatever the Content-Type says."""
    return QueryDict(request.body).dict()  # type: ignore[return-value]  # one value a key


def shown(name: str) -> str:
    """A name as a page shows it."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
