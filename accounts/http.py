"""HTTP for all doors: one base view, refusals and failures rendered in the door's own form (architecture.md §6).

A door gives its view class `wire`, the total map from `Reason` to what goes over the wire, made in its `protocol.py`.
"""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import addresses, retries
from accounts.errors import Reason, Refusal
from accounts.wire import Answer, Wire

_log = logging.getLogger("latchkey.http")

NO_STORE = {"Cache-Control": "no-store"}


class OneRepresentation(BaseContentNegotiation):
    """Every API answer has one form, whatever `Accept` says: clients of 2015 send anything there."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Views parse their bodies in their protocol."""
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The first and only one."""
        return renderers[0], renderers[0].media_type


class DoorView(APIView):
    """A view of a door: parse, call the service, render. No authenticator of DRF runs; tokens are the service's."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    content_negotiation_class = OneRepresentation
    wire: ClassVar[Wire]

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: the wire makes every header."""
        return {}

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # no DRF response
        """Turns a refusal or a failure into the door's own error answer."""
        answer = response(self.wire.refusal(as_refusal(exc)))
        if answer.status_code == 405:
            answer["Allow"] = ", ".join(sorted({*self.allowed_methods, "OPTIONS"}))
        return answer

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """The preflight answer of the door."""
        return response(self.wire.preflight(self.allowed_methods))

    def answer(self, body: Any, *, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> HttpResponse:
        """A JSON answer with the door's headers."""
        return response(self.wire.answer(status, body, headers))


def response(answer: Answer) -> HttpResponse:
    """Django's form of an answer."""
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


def as_refusal(error: Exception) -> Refusal:
    """What a failure means to a client; what is nobody's fault but ours is logged with its trace."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Http404):
        return Refusal(Reason.PATH_UNKNOWN)
    if isinstance(error, exceptions.MethodNotAllowed):
        return Refusal(Reason.METHOD_NOT_ALLOWED)
    if isinstance(error, (exceptions.APIException, SuspiciousOperation)):
        return Refusal(Reason.MALFORMED, detail=type(error).__name__)
    if isinstance(error, (DatabaseError, InterfaceError)):
        retries.note(error)
        _log.error("the database does not answer: %s", type(error).__name__, exc_info=error)
        return Refusal(Reason.UNAVAILABLE, retry_after=2)
    _log.error("unexpected failure", exc_info=error)
    return Refusal(Reason.INTERNAL)


def client_address(request: HttpRequest | Request) -> str:
    """The client's address of a Django request (R39)."""
    meta = request.META
    return addresses.client_address(meta.get("REMOTE_ADDR") or "", meta.get("HTTP_X_FORWARDED_FOR") or "")
