"""What the server says of itself (matrix.md §13)."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.errors import Reason, Refusal
from accounts.matrix import discovery
from accounts.matrix.views.base import MatrixView


class VersionsView(MatrixView):
    """GET versions; a token is not looked at."""

    def get(self, request: Request) -> HttpResponse:
        """The versions served."""
        return self.answer(discovery.versions(), headers={"Cache-Control": "public, max-age=600"})


class WellKnownView(MatrixView):
    """GET /.well-known/matrix/client."""

    def get(self, request: Request) -> HttpResponse:
        """Where clients find this server, if the operator said so."""
        found = discovery.well_known()
        if found is None:
            raise Refusal(Reason.NOT_FOUND)
        return self.answer(found, headers={"Cache-Control": "public, max-age=3600"})
