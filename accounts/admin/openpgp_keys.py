"""OpenPGP keys: what they are, whose, whether they open anything, and keeping one out."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html_join
from unfold.decorators import action, display

from accounts import clock, credentials, rule_reach, rules, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import administrator
from accounts.admin.credentials import KeyAdmin
from accounts.models import AccessRule, OpenPGPKey

_CONSEQUENCE = (
    "A deny rule for the fingerprint, at every door. What the key opened ends and its sockets close within a second; "
    "nobody signs in or registers with it until the rule is removed."
)


class LifeFilter(admin.SimpleListFilter):
    """Whether a key opens anything."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states, those of `_state`."""
        return [("valid", "Valid"), ("expired", "Expired"), ("revoked", "Revoked"), ("blocked", "Blocked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OpenPGPKey]) -> QuerySet[OpenPGPKey]:
        """The keys in the chosen state."""
        over = Q(expires_at__lte=clock.now())
        match self.value():
            case "valid":
                return queryset.exclude(over).filter(revoked_at=None).exclude(Exists(_denies()))
            case "expired":
                return queryset.filter(over, revoked_at=None)
            case "revoked":
                return queryset.exclude(revoked_at=None)
            case "blocked":
                return queryset.filter(Exists(_denies()))
        return queryset


@admin.register(OpenPGPKey)
class OpenPGPKeyAdmin(KeyAdmin):
    """Laverna identities."""

    list_display = (
        "key",
        "account",
        "kind",
        "state",
        "is_published",
        "added_column",
        "expiry_column",
        "used_column",
    )
    list_filter = (LifeFilter, "is_published", "algorithm")
    search_fields = ("fingerprint", "user__username", "user_ids")
    search_help_text = "Fingerprint, account or what its owner calls themselves in it"
    expiry_column = shown.moment_column("expires_at", "Expires")
    revoked_column = shown.moment_column("revoked_at", "Revocation uploaded")
    fields = (
        "whole_key",
        "account",
        "kind",
        "state",
        "names",
        "is_published",
        "added_column",
        "expiry_column",
        "revoked_column",
        "used_column",
        "text",
    )
    actions: ClassVar = ("block_chosen",)
    actions_detail = ("block_key",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpenPGPKey]:
        """With their accounts, and whether a rule about the fingerprint keeps them out."""
        queryset: QuerySet[OpenPGPKey] = super().get_queryset(request)
        return queryset.select_related("user").annotate(is_blocked=Exists(_denies()))

    def delete_model(self, request: HttpRequest, obj: OpenPGPKey) -> None:
        """By the verb, which refuses the last credential."""
        credentials.remove_openpgp_key(obj.user, obj.fingerprint, actor=administrator(request))

    @action(description="Block the chosen fingerprints", permissions=["act"])
    def block_chosen(self, request: HttpRequest, queryset: QuerySet[OpenPGPKey]) -> HttpResponse | None:
        """Asks, then keeps them out."""
        if is_confirmed(request):
            self._block(request, queryset)
            return None
        total = queryset.count()
        question = Question(
            f"Block {words.count(total, 'fingerprint')}",
            "Block",
            request.get_full_path(),
            [_CONSEQUENCE],
            items=[shown.text(f"{key.fingerprint} of {key.user}") for key in queryset[:MOST_SHOWN]],
            total=total,
            hidden=chosen_rows(request),
            grave=True,
        )
        return ask(self, request, question)

    @action(description="Block this fingerprint", url_path="block", icon="block", permissions=["act"])
    def block_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then keeps it out."""
        chosen = self.get_queryset(request).filter(pk=int(object_id) if object_id.isdecimal() else -1)
        key = chosen.first()
        if key is None:
            self.message_user(request, "The key is no longer there.", messages.WARNING)
            return HttpResponseRedirect(self.list_url())
        if is_confirmed(request):
            self._block(request, chosen)
            return HttpResponseRedirect(shown.change_url(key))
        title = f"Block the fingerprint of a key of {key.user}"
        return ask(self, request, Question(title, "Block", shown.change_url(key), [_CONSEQUENCE], grave=True))

    def _block(self, request: HttpRequest, chosen: QuerySet[OpenPGPKey]) -> None:
        """By the verb of the lists. A rule that is there already is put in force again, without an end."""
        actor = administrator(request)
        with transaction.atomic():
            ending = 0
            for fingerprint in list(chosen.order_by("pk").values_list("fingerprint", flat=True)):
                ending += rule_reach.affected("fingerprint", fingerprint).tokens.count()
                rules.add("deny", "fingerprint", fingerprint, note="blocked from the list of keys", author=actor)
        self.message_user(request, f"Blocked; {words.count(ending, 'live token')} ended.", messages.SUCCESS)

    @display(description="Fingerprint", ordering="fingerprint")
    def key(self, key: OpenPGPKey) -> str:
        """The ends of it."""
        return shown.code(key.fingerprint)

    @display(description="Fingerprint")
    def whole_key(self, key: OpenPGPKey) -> str:
        """From end to end."""
        return shown.whole_code(key.fingerprint)

    @display(description="Algorithm", ordering="algorithm")
    def kind(self, key: OpenPGPKey) -> str:
        """Algorithm and size."""
        return f"{key.algorithm} {key.bits or ''}".strip() or shown.NOTHING

    @display(description="State")
    def state(self, key: Any) -> str:
        """Whether it opens anything, and if not, why."""
        states = [
            (key.is_blocked, "blocked"),
            (key.revoked_at is not None, "revoked"),
            (key.expires_at is not None and key.expires_at <= clock.now(), "expired"),
        ]
        return ", ".join(name for holds, name in states if holds) or "valid"

    @display(description="Calls itself")
    def names(self, key: OpenPGPKey) -> str:
        """The user ids: what the owner says, confirmed by nobody."""
        return (
            format_html_join("\n", "<div>{}</div>", ((shown.text(name, 256),) for name in key.user_ids))
            or shown.NOTHING
        )

    @display(description="Public key")
    def text(self, key: OpenPGPKey) -> str:
        """As uploaded."""
        return shown.block(key.armored)


def _denies() -> QuerySet[AccessRule]:
    """The live rules that name the fingerprint of the outer query's key."""
    named = AccessRule.objects.filter(effect="deny", field="fingerprint", pattern=OuterRef("fingerprint"), enabled=True)
    return named.filter(Q(expires_at=None) | Q(expires_at__gt=clock.now()))
