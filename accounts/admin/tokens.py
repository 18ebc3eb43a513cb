"""Tokens: what is live and who opened it. The secret is nowhere; its digest is not shown (R7)."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import action, display

from accounts import audit, clock, tokens, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.models import Token

_CHUNK = 500


class LifeFilter(admin.SimpleListFilter):
    """Live tokens unless something else is asked for."""

    title = "life"
    parameter_name = "life"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What is not the default."""
        return [("revoked", "Revoked"), ("expired", "Expired"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Calls the default by its name."""
        for choice in super().choices(changelist):
            yield choice | ({"display": "Live"} if choice["display"] == _default_label(self, changelist) else {})

    def queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> QuerySet[Token]:
        """The tokens in that state."""
        match self.value():
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
            case "expired":
                moment = clock.now()
                return queryset.filter(Q(expires_at__lte=moment) | Q(idle_until__lte=moment), revoked_at=None)
            case "all":
                return queryset
        return queryset.filter(pk__in=tokens.live().values("pk"))


def _default_label(chosen: LifeFilter, changelist: Any) -> str:
    return str(next(iter(admin.SimpleListFilter.choices(chosen, changelist)))["display"])


@admin.register(Token)
class TokenAdmin(HouseAdmin):
    """Tokens of all accounts and doors."""

    list_display = ("token", "account", "device_link", "opened_by", "issued_column", "used_column", "ends", "life")
    list_filter: ClassVar[tuple[Any, ...]] = (LifeFilter, "flow", "kind")
    list_select_related = ("user", "device")
    search_fields = ("user__username", "credential", "device__device_id", "device__display_name")
    search_help_text = "Account, key, fingerprint or device"
    ordering = ("-pk",)
    actions: ClassVar = ("revoke_chosen",)
    actions_detail = ("revoke_token",)
    fields = (
        "token",
        "account",
        "device_link",
        "whole_credential",
        "methods",
        "scope",
        "family",
        "issued_column",
        "activated_column",
        "confirmed_column",
        "used_column",
        "ends",
        "revoked_column",
        "revoked_for",
        "life",
    )
    issued_column = shown.moment_column("issued_at", "Issued")
    activated_column = shown.moment_column("activated_at", "Activated")
    confirmed_column = shown.moment_column("used_at", "First used, or spent")
    used_column = shown.moment_column("last_used_at", "Last used")
    revoked_column = shown.moment_column("revoked_at", "Revoked")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        """Without reading digests."""
        queryset: QuerySet[Token] = super().get_queryset(request)
        return queryset.defer("digest").select_related("user", "device")

    @action(description="Revoke the chosen tokens", permissions=["act"])
    def revoke_chosen(self, request: HttpRequest, queryset: QuerySet[Token]) -> HttpResponse | None:
        """Asks, then revokes them."""
        doomed = queryset.filter(revoked_at=None)
        if is_confirmed(request):
            self._revoke(request, doomed)
            return None
        total = doomed.count()
        if not total:
            self.message_user(request, "All of these are revoked already.", messages.WARNING)
            return None
        question = Question(
            f"Revoke {words.count(total, 'token')}",
            "Revoke",
            request.get_full_path(),
            ["Clients that use them must sign in again. Sockets that live on them close."],
            items=[shown.text(f"{token.user}: {token.flow} {token.kind}") for token in doomed[:MOST_SHOWN]],
            total=total,
            hidden=chosen_rows(request),
        )
        return ask(self, request, question)

    @action(description="Revoke this token", url_path="revoke", icon="block", permissions=["act"])
    def revoke_token(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then revokes it."""
        chosen = self.get_queryset(request).filter(pk=int(object_id) if object_id.isdecimal() else -1, revoked_at=None)
        token = chosen.first()
        if token is None:
            self.message_user(request, "The token has ended already.", messages.WARNING)
            return HttpResponseRedirect(self.list_url())
        if is_confirmed(request):
            self._revoke(request, chosen)
            return HttpResponseRedirect(shown.change_url(token))
        text = ["The client that uses it must sign in again. Sockets that live on it close."]
        return ask(self, request, Question(f"Revoke: {token}", "Revoke", shown.change_url(token), text))

    def _revoke(self, request: HttpRequest, chosen: QuerySet[Token]) -> None:
        with transaction.atomic():
            owners: dict[str, int] = {}
            for username in chosen.order_by().values_list("user__username", flat=True).iterator(_CHUNK):
                owners[username] = owners.get(username, 0) + 1
            count = tokens.revoke(Token.objects.filter(pk__in=chosen.order_by().values("pk")), reason="administrator")
            for username, number in owners.items():
                facts = {"tokens": number}
                audit.record_or_fail("tokens-revoked", actor=administrator(request), subject=username, facts=facts)
        self.message_user(request, f"{words.count(count, 'token')} revoked.", messages.SUCCESS)

    @display(description="Token", ordering="flow")
    def token(self, token: Token) -> str:
        """Its door and kind."""
        return f"{token.get_flow_display()}, {token.get_kind_display().lower()}"

    @display(description="Account", ordering="user__username")
    def account(self, token: Token) -> str:
        """Whose it is."""
        return shown.account(token.user)

    @display(description="Device", ordering="device__display_name")
    def device_link(self, token: Token) -> str:
        """The device it belongs to."""
        return shown.device(token.device)

    @display(description="Opened by", ordering="credential")
    def opened_by(self, token: Token) -> str:
        """The key, or the methods."""
        return shown.code(token.credential) if token.credential else shown.methods(token.amr)

    @display(description="Opened by")
    def whole_credential(self, token: Token) -> str:
        """The key or fingerprint that opened it, whole."""
        return shown.whole_code(token.credential)

    @display(description="Methods")
    def methods(self, token: Token) -> str:
        """By which means its session was opened."""
        return shown.methods(token.amr)

    @display(description="Ends")
    def ends(self, token: Token) -> str:
        """The moment it dies at the latest, and without use."""
        parts = [
            shown.moment(token.expires_at) if token.expires_at else "",
            f"unused: {shown.moment(token.idle_until)}" if token.idle_until else "",
        ]
        return ", ".join(part for part in parts if part) or "never"

    @display(
        description="Life",
        label={"live": "success", "not used yet": "info", "revoked": "danger", "expired": "warning"},
    )
    def life(self, token: Token) -> str:
        """Whether it opens anything."""
        if token.revoked_at:
            return "revoked"
        moment = clock.now()
        if any(end is not None and end <= moment for end in (token.expires_at, token.idle_until)):
            return "expired"
        return "live" if token.activated_at else "not used yet"
