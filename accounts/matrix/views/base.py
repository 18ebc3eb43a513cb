"""What all views of the Matrix door share."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from accounts import tokens
from accounts.errors import Reason, Refusal
from accounts.http import DoorView, client_address
from accounts.matrix import interactive, messages, protocol, sessions


class MatrixView(DoorView):
    """A view of the Matrix door."""

    wire = protocol.WIRE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """PATH_UNKNOWN when a part of the path has more slashes than its percent-encoded ones (matrix.md §1).

        NOT_FOUND for a NUL, which is in no name and which Postgres would not even compare.
        """
        if any("\0" in str(part) for part in kwargs.values()):
            raise Refusal(Reason.NOT_FOUND)
        raw = getattr(request._request, "scope", {}).get("raw_path")
        encoded = sum(str(part).count("/") for part in kwargs.values())
        if raw and kwargs and raw.count(b"/") != request.path.count("/") - encoded:
            raise Refusal(Reason.PATH_UNKNOWN)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # no DRF response
        """Also answers a call whose proofs are incomplete (matrix.md §5)."""
        if isinstance(exc, interactive.Incomplete):
            return self.answer(exc.body, status=401)
        return super().handle_exception(exc)

    def answer(self, body: Any, *, status: int = 200, headers: Mapping[str, str] = protocol.NO_STORE) -> HttpResponse:
        """A JSON answer with the door's headers."""
        return super().answer(body, status=status, headers=headers)


def fields(request: Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The members of the body, whatever its Content-Type."""
    return messages.parse_body(request._request.body, may_be_empty=may_be_empty)


def access_token(request: Request) -> str:
    """The token of a request, from the header or the query."""
    return messages.bearer_token(request.GET.getlist("access_token"), request.META.get("HTTP_AUTHORIZATION"))


def bearer(request: Request, *, guests: bool = False) -> tokens.Bearer:
    """Who asks."""
    return sessions.bearer(access_token(request), ip=client_address(request), guests=guests)


def optional_bearer(request: Request) -> tokens.Bearer | None:
    """Who asks, None without any token."""
    if not request.GET.getlist("access_token") and request.META.get("HTTP_AUTHORIZATION") is None:
        return None
    return bearer(request)


def user_agent(request: Request) -> str:
    """What the client says of itself."""
    return str(request.META.get("HTTP_USER_AGENT", ""))
