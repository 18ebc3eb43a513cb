"""Login, refresh, logout (matrix.md §6, §8, §9)."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from rest_framework.request import Request

from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.matrix import discovery, messages, protocol, sessions, sign_in, sso
from accounts.matrix.views.base import MatrixView, access_token, bearer, fields, user_agent
from accounts.matrix.views.base_pages import failure


class LoginView(MatrixView):
    """GET and POST login."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """404 while the legacy API is off."""
        if not settings.MATRIX_LEGACY_LOGIN:
            raise Refusal(Reason.PATH_UNKNOWN)

    def get(self, request: Request) -> HttpResponse:
        """How one can log in."""
        return self.answer(discovery.login_flows())

    def post(self, request: Request) -> HttpResponse:
        """Logs in."""
        opened = sign_in.log_in(fields(request), ip=client_address(request), user_agent=user_agent(request))
        body = {
            "user_id": opened.user_id,
            "home_server": settings.MATRIX_SERVER_NAME,
            "device_id": opened.device_id,
            **opened.issued.render(),
        }
        well_known = discovery.well_known()
        return self.answer({**body, "well_known": well_known} if well_known else body)


class SSOView(MatrixView):
    """GET login/sso/redirect[/{idpId}]: a client sends a person to the sign-in page, and gets a login token back."""

    def get(self, request: Request, provider_id: str = "") -> HttpResponse:
        """The way to the page, which alone may look at cookies."""
        if not sso.is_on():
            raise Refusal(Reason.PATH_UNKNOWN)
        wanted = sso.target(messages.required_text(request.GET.dict(), "redirectUrl"))
        if provider_id and not sso.knows(provider_id):
            return failure(Refusal(Reason.NOT_FOUND))
        where = sso.page_for(wanted, action=request.GET.get("action", ""), provider_id=provider_id)
        return HttpResponseRedirect(where, headers={**protocol.CORS, **protocol.NO_STORE})


class LoginTokenView(MatrixView):
    """POST login/get_token; the answer has the keys of both its spellings."""

    def post(self, request: Request) -> HttpResponse:
        """A login token for another device, after a proof."""
        if not settings.MATRIX_GET_LOGIN_TOKEN:
            raise Refusal(Reason.PATH_UNKNOWN)
        asking = bearer(request)
        token = sign_in.login_token(asking, fields(request, may_be_empty=True), ip=client_address(request))
        seconds = settings.MATRIX_LOGIN_TOKEN_LIFETIME
        return self.answer({"login_token": token, "expires_in_ms": seconds * 1000, "expires_in": seconds})


class RefreshView(MatrixView):
    """POST refresh."""

    def post(self, request: Request) -> HttpResponse:
        """A new pair of tokens."""
        secret = messages.required_text(fields(request), "refresh_token")
        return self.answer(sessions.refresh(secret, ip=client_address(request)).render())


class TokenRefreshView(MatrixView):
    """POST tokenrefresh of 2015: a bad token is 403, as in its time (section 8)."""

    wire = protocol.TOKENREFRESH_WIRE

    def post(self, request: Request) -> HttpResponse:
        """A new pair of tokens, and nothing else."""
        secret = messages.required_text(fields(request), "refresh_token")
        issued = sessions.refresh(secret, ip=client_address(request))
        return self.answer({"access_token": issued.access_token, "refresh_token": issued.refresh_token})


class LogoutView(MatrixView):
    """POST logout and logout/all. The body is not looked at."""

    everywhere = False

    def post(self, request: Request) -> HttpResponse:
        """Ends the session, or all."""
        sessions.log_out(access_token(request), ip=client_address(request), everywhere=self.everywhere)
        return self.answer({})
