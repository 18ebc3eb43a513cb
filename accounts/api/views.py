"""GET /api/me, and the description of all APIs (one-origin.md §1, §4)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from accounts.api import described, protocol, services
from accounts.http import DoorView, client_address


class MeView(DoorView):
    """GET /api/me."""

    wire = protocol.WIRE

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # no DRF response
        """A 401 says which scheme is expected (RFC 6750 §3)."""
        answer = super().handle_exception(exc)
        if answer.status_code == 401:
            answer["WWW-Authenticate"] = protocol.CHALLENGE
        return answer

    @extend_schema(
        operation_id="me",
        summary="Who bears this token",
        auth=described.BEARER,
        responses={
            200: described.Me,
            401: OpenApiResponse(described.OAuthError, "Unknown, expired, revoked, locked or denied"),
            403: OpenApiResponse(described.OAuthError, "The token of a Matrix guest"),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """Takes an access token of any door and tells whose it is and how they signed in.

        A service behind this identity server calls it with the token that a browser or app brought, and checks `flow`
        and `amr` if it asks for more than any sign-in. The answer is true now; ask again rather than keep it.
        """
        secret = protocol.bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
        return self.answer(services.me(secret, ip=client_address(request)).render())


class SchemaView(DoorView):
    """GET /api/schema/: OpenAPI 3 as JSON."""

    wire = protocol.WIRE

    @extend_schema(exclude=True)
    def get(self, request: Request, *arguments: Any) -> HttpResponse:
        """The same for everybody."""
        return self.answer(described.schema(), headers={"Cache-Control": "public, max-age=300"})


@require_safe
def docs_page(request: HttpRequest) -> HttpResponse:
    """GET /api/docs/: Swagger UI from our own files."""
    return HttpResponse(render_to_string("api/docs.html"), headers={"Content-Security-Policy": _POLICY})


# Swagger UI's pictures are data: URLs; it evaluates no text and asks no other host.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
