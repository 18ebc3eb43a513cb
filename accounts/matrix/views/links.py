"""The links in mails (matrix.md §12): a page for people, and the same as JSON for clients that post it themselves."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.errors import Reason, Refusal
from accounts.http import as_refusal, response
from accounts.matrix import address_proofs, messages, protocol
from accounts.matrix.views.base_pages import HEADERS, PageView, form, page

_KEYS = ("sid", "client_secret", "token")


class SubmitTokenView(PageView):
    """The link of a registration or a further address: opening it confirms."""

    purpose: ClassVar[str] = address_proofs.REGISTER

    def get(self, request: HttpRequest) -> HttpResponse:
        """Confirms, and shows it or leads on to `next_link`."""
        next_link = self.confirm(request.GET.dict())
        if next_link:
            return HttpResponseRedirect(next_link, headers=HEADERS)
        return page("confirmed")

    def post(self, request: HttpRequest) -> HttpResponse:
        """Confirms: JSON in, JSON out; the button of a page gets a page."""
        if request.content_type == "application/x-www-form-urlencoded" and not request.body.lstrip().startswith(b"{"):
            self.confirm(form(request))
            return page("confirmed")
        try:
            self.confirm(messages.parse_body(request.body))
        except Exception as error:  # as on any API path
            return response(protocol.WIRE.refusal(as_refusal(error)))
        return response(protocol.WIRE.answer(200, {"success": True}, protocol.NO_STORE))

    def confirm(self, given: Mapping[str, object]) -> str:
        """The next link, "" without one."""
        sid, secret, token = (messages.required_text(given, key) for key in _KEYS)
        return address_proofs.confirm(sid=sid, client_secret=secret, token=token, purpose=self.purpose)


class ResetLinkView(SubmitTokenView):
    """The link of a password reset. Mail scanners open links, so it acts only when its button is pressed."""

    purpose = address_proofs.RESET

    def get(self, request: HttpRequest) -> HttpResponse:
        """The button."""
        sid, secret, token = (messages.required_text(request.GET.dict(), key) for key in _KEYS)
        if not address_proofs.is_open(sid=sid, client_secret=secret, purpose=self.purpose):
            raise Refusal(Reason.CHALLENGE_INVALID, field="sid")
        return page("reset", path=address_proofs.PATHS[self.purpose], sid=sid, client_secret=secret, token=token)
