"""The calls of OAuth that are not asked often; tokens, device codes and introspection are hot routes (`hot.py`)."""

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from accounts.errors import Reason, Refusal
from accounts.http import DoorView, client_address
from accounts.wire import Wire
from devicelogin.oauth import client_metadata, discovery, protocol, services

_CACHEABLE = {"Cache-Control": "public, max-age=600"}
_CHALLENGES = {401: 'Bearer error="invalid_token"', 403: 'Bearer error="insufficient_scope", scope="openid"'}


class OAuthView(DoorView):
    """A view of these paths: an unknown path while OAuth is off."""

    wire: ClassVar[Wire] = protocol.WIRE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """PATH_UNKNOWN while OAuth is off."""
        if not settings.OAUTH:
            raise Refusal(Reason.PATH_UNKNOWN)

    def form(self, request: Request) -> dict[str, str]:
        """The parameters of a form."""
        return protocol.parse_form(request._request.body, request.META.get("CONTENT_TYPE", ""))


class HotView(OAuthView):
    """The other methods of the hot routes, which are POST alone."""

    @property
    def allowed_methods(self) -> list[str]:
        """What the hot route answers."""
        return ["POST"]


class MetadataView(OAuthView):
    """GET of the metadata, the same at all its addresses (matrix-oauth.md §1)."""

    def get(self, request: Request) -> HttpResponse:
        """What the server can do."""
        return self.answer(discovery.metadata(), headers=_CACHEABLE)


class IssuerView(OAuthView):
    """GET auth_issuer, the oldest of them."""

    def get(self, request: Request) -> HttpResponse:
        """The issuer alone."""
        return self.answer({"issuer": discovery.issuer()}, headers=_CACHEABLE)


class KeysView(OAuthView):
    """GET /oauth2/keys.json."""

    def get(self, request: Request) -> HttpResponse:
        """The keys of ID tokens."""
        return self.answer(services.keys(), headers=_CACHEABLE)


class RegistrationView(OAuthView):
    """POST /oauth2/registration (RFC 7591)."""

    wire = protocol.REGISTRATION_WIRE

    def post(self, request: Request) -> HttpResponse:
        """Registers a program; one that says the same again gets the same id."""
        if request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/json":
            raise Refusal(Reason.MALFORMED, detail="not JSON")
        metadata = client_metadata.parse(request._request.body, grant_types=services.grant_types())
        return self.answer(services.register(metadata, ip=client_address(request)), status=201)


class RevocationView(OAuthView):
    """POST /oauth2/revoke (RFC 7009)."""

    wire = protocol.TOKEN_WIRE

    def post(self, request: Request) -> HttpResponse:
        """Ends the session of a token; 200 whether there was one or not."""
        authorization = request.META.get("HTTP_AUTHORIZATION", "")
        try:
            services.revoke(self.form(request), authorization=authorization, ip=client_address(request))
        except Refusal as refusal:
            if refusal.reason is Reason.CREDENTIAL_WRONG and authorization:
                answer = self.handle_exception(refusal)
                answer["WWW-Authenticate"] = 'Basic realm="oauth"'
                return answer
            raise
        return self.answer(b"")


class UserInfoView(OAuthView):
    """GET and POST /oauth2/userinfo (OpenID Connect Core §5.3)."""

    wire = protocol.USERINFO_WIRE

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # no DRF response
        """A token that opens nothing, or not this, is told with its scheme (RFC 6750 §3)."""
        answer = super().handle_exception(exc)
        if answer.status_code in _CHALLENGES:
            answer["WWW-Authenticate"] = _CHALLENGES[answer.status_code]
        return answer

    def get(self, request: Request) -> HttpResponse:
        """Whose token it is, for tokens with the scope openid."""
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Refusal(Reason.TOKEN_MISSING)
        return self.answer(services.userinfo(secret.strip(), ip=client_address(request)))

    post = get
