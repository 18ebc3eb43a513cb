"""Registration (matrix.md §7)."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.matrix import registration
from accounts.matrix.views.base import MatrixView, fields, user_agent


class RegisterView(MatrixView):
    """POST register."""

    def post(self, request: Request) -> HttpResponse:
        """Makes an account, after the proofs that are asked for."""
        kind = request.GET.get("kind", "user")
        if kind not in {"user", "guest"}:
            raise Refusal(Reason.FIELD_INVALID, field="kind")
        register = registration.register_guest if kind == "guest" else registration.register
        return self.answer(register(fields(request), ip=client_address(request), user_agent=user_agent(request)))


class AvailableView(MatrixView):
    """GET register/available."""

    def get(self, request: Request) -> HttpResponse:
        """Whether a name is free."""
        registration.available(request.GET.get("username"), ip=client_address(request))
        return self.answer({"available": True})


class TokenValidityView(MatrixView):
    """GET register/m.login.registration_token/validity."""

    def get(self, request: Request) -> HttpResponse:
        """Whether a registration token is good."""
        valid = registration.token_is_valid(request.GET.get("token"), ip=client_address(request))
        return self.answer({"valid": valid})
