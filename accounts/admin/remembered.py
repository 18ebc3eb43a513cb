"""Remembered logins of the code door: the tokens with which a site skips the code (websocket-otp.md §3)."""

from copy import copy
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from accounts import tokens
from accounts.admin import shown
from accounts.admin.tokens import LifeFilter, TokenAdmin
from accounts.models import Token, User

_MOST = 50
_ROUTE = "accounts_token_remembered"


class RememberedLogins(TokenAdmin):
    """The list of tokens, narrowed to these and told in a site's words; one, several or all are revoked as there."""

    list_display = ("account", "program", "agent", "address", "issued_column", "used_column", "ends", "life")
    list_filter = (LifeFilter,)
    search_fields = ("user__username", "device__user_agent", "device__display_name", "device__last_seen_ip")
    search_help_text = "Account, browser, system or address"
    issued_column = shown.moment_column("issued_at", "Since")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        """Those that a code confirmed."""
        return _confirmed(super().get_queryset(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Called by its own name."""
        changelist = super().get_changelist_instance(request)
        changelist.opts = copy(changelist.opts)
        changelist.opts.verbose_name, changelist.opts.verbose_name_plural = "remembered login", "remembered logins"
        return changelist

    def list_url(self) -> str:
        """The path of the list."""
        return reverse(f"admin:{_ROUTE}")

    @display(description="Browser and system", ordering="device__display_name")
    def program(self, token: Token) -> str:
        """In words."""
        return shown.text(token.device.display_name if token.device else "")

    @display(description="Calls itself", ordering="device__user_agent")
    def agent(self, token: Token) -> str:
        """The browser as it was sent, which later logins must repeat."""
        return shown.text(token.device.user_agent if token.device else "", 60)

    @display(description="Address", ordering="device__last_seen_ip")
    def address(self, token: Token) -> str:
        """Where it was last used."""
        return (token.device.last_seen_ip if token.device else "") or shown.NOTHING


def table(user: User) -> dict[str, Any]:
    """The live ones of an account, for its page."""
    living = tokens.live().filter(user=user).select_related("device").defer("digest")
    found = _confirmed(living).order_by("-last_used_at", "-pk")[:_MOST]
    rows = [
        (
            shown.link(token, shown.text(token.device.display_name if token.device else "")),
            shown.text(token.device.user_agent if token.device else "", 60),
            token.device.last_seen_ip if token.device else "",
            shown.moment(token.issued_at),
            shown.moment(token.last_used_at),
        )
        for token in found
    ]
    section = {
        "title": "Remembered logins (e-mail code)",
        "table": shown.table(("Browser and system", "Calls itself", "Address", "Since", "Last used"), rows),
    }
    url = f"{reverse(f'admin:{_ROUTE}')}?user__id__exact={user.pk}"
    return section | ({"more": (url, "These in a list, to revoke some or all")} if rows else {})


def urls() -> list[URLPattern]:
    """A second list of one table; found before Django takes its name for the number of a token."""
    return [path("accounts/token/remembered/", admin.site.admin_view(_list), name=_ROUTE)]


def _list(request: HttpRequest) -> HttpResponse:
    return RememberedLogins(Token, admin.site).changelist_view(request, {"title": "Remembered logins"})


def _confirmed(found: QuerySet[Token]) -> QuerySet[Token]:
    return found.filter(kind=Token.Kind.REMEMBERED).exclude(activated_at=None)
