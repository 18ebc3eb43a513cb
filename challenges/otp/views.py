"""POST /api/token/refresh: renews the pair that a sign-in with a code gave (one-origin.md §4, R24)."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts import strict_json
from accounts.errors import Reason, Refusal
from accounts.http import DoorView, client_address
from accounts.oauth_errors import GRANT_SHAPES, render
from accounts.wire import Wire
from challenges.otp import grants

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Authorization",
    "Access-Control-Expose-Headers": "Retry-After",
}
WIRE = Wire(GRANT_SHAPES, render, _CORS, {"Cache-Control": "no-store"})


class Renewal(serializers.Serializer):
    """What is sent."""

    refresh = serializers.CharField(help_text="The refresh token of the last pair.")


class Renewed(serializers.Serializer):
    """The new pair; the old one is spent once this one is used."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds until the access token ends.")


class GrantError(serializers.Serializer):
    """RFC 6749 §5.2."""

    error = serializers.ChoiceField(["invalid_request", "invalid_grant", "temporarily_unavailable"])
    error_description = serializers.CharField()


class RefreshView(DoorView):
    """The path's POST; its GET is the session token of a Laverna user called `refresh` (one-origin.md §1)."""

    wire = WIRE

    @property
    def allowed_methods(self) -> list[str]:
        """All methods of the path, whoever owns them."""
        return ["GET", "HEAD", "POST"]

    @extend_schema(
        operation_id="refresh",
        summary="A new pair of tokens",
        auth=[],
        request=Renewal,
        responses={200: Renewed, 400: OpenApiResponse(GrantError, "`invalid_grant`: unknown, expired or used")},
    )
    def post(self, request: Request) -> HttpResponse:
        """Takes the refresh token that came with 1104 or 1103, once, and gives a new pair.

        If the answer is lost the same token may be sent again, until the new pair is used. A spent token that comes
        back later ends the pair. Nothing is renewed beyond the end of the remembered login.
        """
        return self.answer(grants.refresh(_token(request._request.body), ip=client_address(request)).render())


def _token(body: bytes) -> str:
    """The member `refresh` of a JSON object, whatever the Content-Type; MALFORMED, FIELD_MISSING, FIELD_TYPE."""
    fields = strict_json.parse(body)
    if not isinstance(fields, dict):
        raise Refusal(Reason.MALFORMED)
    token = fields.get("refresh")
    if token in (None, ""):
        raise Refusal(Reason.FIELD_MISSING, field="refresh")
    if not isinstance(token, str):
        raise Refusal(Reason.FIELD_TYPE, field="refresh")
    return token
