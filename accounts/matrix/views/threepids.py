"""Third-party ids (matrix.md §12). The links in mails are pages: `views/links.py`."""

from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.errors import Reason, Refusal
from accounts.http import client_address
from accounts.matrix import address_proofs, threepids
from accounts.matrix.views.base import MatrixView, bearer, fields, optional_bearer

_NO_SUPPORT = {"id_server_unbind_result": "no-support"}


class RequestTokenView(MatrixView):
    """POST register/email/requestToken and account/password/email/requestToken."""

    purpose: ClassVar[str] = address_proofs.REGISTER

    def post(self, request: Request) -> HttpResponse:
        """Sends a link."""
        sid = threepids.request_token(self.purpose, fields(request), ip=client_address(request))
        return self.answer({"sid": sid})


class AddRequestTokenView(MatrixView):
    """POST account/3pid/email/requestToken, with or without a token."""

    def post(self, request: Request) -> HttpResponse:
        """Sends a link."""
        asking = optional_bearer(request)
        purpose, ip = address_proofs.ADD, client_address(request)
        return self.answer({"sid": threepids.request_token(purpose, fields(request), bearer=asking, ip=ip)})


class NoPhonesView(MatrixView):
    """POST …/msisdn/requestToken: there is no SMS gateway."""

    def post(self, request: Request) -> HttpResponse:
        """Refuses."""
        fields(request)
        raise Refusal(Reason.FIELD_INVALID, field="medium")


class AddressesView(MatrixView):
    """GET account/3pid, and its deprecated POST."""

    def get(self, request: Request) -> HttpResponse:
        """The addresses of the account."""
        return self.answer({"threepids": threepids.listed(bearer(request))})

    def post(self, request: Request) -> HttpResponse:
        """Adds one, after a proof."""
        asking = bearer(request)
        threepids.add_as_in_2015(fields(request), bearer=asking, ip=client_address(request))
        return self.answer({})


class AddView(MatrixView):
    """POST account/3pid/add."""

    def post(self, request: Request) -> HttpResponse:
        """Adds an address, after a proof."""
        asking = bearer(request)
        threepids.add(fields(request), bearer=asking, ip=client_address(request))
        return self.answer({})


class DeleteView(MatrixView):
    """POST account/3pid/delete."""

    def post(self, request: Request) -> HttpResponse:
        """Takes an address away."""
        asking = bearer(request)
        threepids.delete(fields(request), bearer=asking)
        return self.answer(_NO_SUPPORT)


class BindView(MatrixView):
    """POST account/3pid/bind: no identity server is used."""

    def post(self, request: Request) -> HttpResponse:
        """Refuses."""
        bearer(request)
        fields(request)
        raise Refusal(Reason.FIELD_INVALID, field="id_server")


class UnbindView(MatrixView):
    """POST account/3pid/unbind: nothing is bound anywhere."""

    def post(self, request: Request) -> HttpResponse:
        """Says so."""
        bearer(request)
        fields(request)
        return self.answer(_NO_SUPPORT)
