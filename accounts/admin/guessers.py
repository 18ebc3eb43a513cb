"""Who gives wrong secrets: addresses and networks, blocked or near it (R37, docs/administration.md)."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display

from accounts import clock, exemptions, guesser_rows, guessers, rules, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.failures import ADMIN
from accounts.mail_content import in_words
from accounts.models import Flow, Guesser

_LIFT = "The doors are open to them again at once, and what led to the block is forgotten."
_EXEMPT = "They are never blocked by themselves again; a rule that you make yourself still counts. Their block ends."
_DOORS = {**dict(Flow.choices), Flow.DEVICELOGIN: "Sign-in pages", ADMIN: "Administration", "": "Other"}


class GuesserFilter(admin.SimpleListFilter):
    """Without a choice: who is or was blocked, or is half way there. A single typing error is no guess."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What else may be seen."""
        return [("blocked", "Blocked now"), ("before", "Blocked before"), ("all", "All that failed")]

    def choices(self, changelist: Any) -> Any:
        """The list's own names; the first says what is seen without a choice."""
        for number, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "Blocked, or near it"} if number == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Guesser]) -> QuerySet[Guesser]:
        """The rows in that state."""
        live = Q(rule__enabled=True) & (Q(rule__expires_at=None) | Q(rule__expires_at__gt=clock.now()))
        match self.value():
            case "blocked":
                return queryset.filter(live)
            case "before":
                return queryset.exclude(live).exclude(blocked_at=None)
            case "all":
                return queryset
        half = settings.RATE_LIMIT_SCALE / 2
        near = Q(kind=Guesser.Kind.ADDRESS, count__gte=settings.GUESSER_RATE.count * half)
        near |= Q(kind=Guesser.Kind.NETWORK, count__gte=settings.GUESSER_NETWORK_RATE.count * half)
        return queryset.filter(live | ~Q(blocked_at=None) | near)


@admin.register(Guesser)
class GuesserAdmin(HouseAdmin):
    """Read-only but for two actions. The block itself is an access rule, and may be changed there too."""

    list_display = ("who", "state", "until", "count", "shown_doors", "shown_accounts", "since_column")
    list_filter = (GuesserFilter, "kind")
    list_select_related = ("rule",)
    list_before_template = "admin/accounts/guessers_about.html"
    search_fields = ("network",)
    search_help_text = "Address or network"
    ordering = ("-last_at", "-pk")
    actions: ClassVar = ("lift_chosen", "exempt_chosen")
    actions_detail = ("lift_row", "exempt_row")
    fields = (
        "who",
        "state",
        "until",
        "rule_link",
        "blocks",
        "count",
        "total",
        "every_door",
        "every_account",
        "every_address",
        "since_column",
        "last_column",
        "log",
    )
    since_column = shown.moment_column("window_at", "Since")
    last_column = shown.moment_column("last_at", "Last failure")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; above it, what makes somebody a guesser here."""
        return super().changelist_view(request, {**(extra_context or {}), **_about()})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """What holds for several rows is read once for all of them."""
        changelist = super().get_changelist_instance(request)
        exempt, blocked = exemptions.networks(), _blocked_networks()
        for row in changelist.result_list:
            row.is_exempt = exemptions.covers(exempt, row.network)
            row.is_within = exemptions.covers(blocked, row.network)
        return changelist

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What is not blocked needs no lifting."""
        row = self.get_object(request, object_id)
        buttons = list(super().get_actions_detail(request, object_id))
        return (
            buttons if row is None or guessers.is_blocked(row) else [one for one in buttons if "lift" not in one.path]
        )

    @action(description="Lift the chosen blocks", permissions=["act"])
    def lift_chosen(self, request: HttpRequest, queryset: QuerySet[Guesser]) -> HttpResponse | None:
        """Asks, then lifts them."""
        if not is_confirmed(request):
            return self._ask_for_many(request, queryset, "Lift", _LIFT)
        self._lift(request, queryset)
        return None

    @action(description="Exempt the chosen", permissions=["act"])
    def exempt_chosen(self, request: HttpRequest, queryset: QuerySet[Guesser]) -> HttpResponse | None:
        """Asks, then exempts them."""
        if not is_confirmed(request):
            return self._ask_for_many(request, queryset, "Exempt", _EXEMPT)
        self._exempt(request, queryset)
        return None

    @action(description="Lift the block", url_path="lift", icon="lock_open", permissions=["act"])
    def lift_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then lifts it."""
        return self._ask_for_one(request, object_id, "Lift", _LIFT)

    @action(description="Exempt", url_path="exempt", icon="verified_user", permissions=["act"])
    def exempt_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then exempts it."""
        return self._ask_for_one(request, object_id, "Exempt", _EXEMPT)

    def _ask_for_one(self, request: HttpRequest, object_id: str, verb: str, text: str) -> HttpResponse:
        chosen = Guesser.objects.filter(pk=int(object_id) if object_id.isdecimal() else -1)
        row = chosen.first()
        if row is None:
            self.message_user(request, "It is no longer listed.", messages.WARNING)
        elif not is_confirmed(request):
            return ask(self, request, Question(f"{verb}: {row}", verb, shown.change_url(row), [text]))
        else:
            (self._lift if verb == "Lift" else self._exempt)(request, chosen)
        return HttpResponseRedirect(self.list_url())

    def _ask_for_many(self, request: HttpRequest, chosen: QuerySet[Guesser], verb: str, text: str) -> HttpResponse:
        total = chosen.count()
        question = Question(
            f"{verb}: {words.count(total, 'guesser')}",
            verb,
            request.get_full_path(),
            [text],
            items=[shown.code(row.network) for row in chosen[:MOST_SHOWN]],
            total=total,
            hidden=chosen_rows(request),
        )
        return ask(self, request, question)

    def _lift(self, request: HttpRequest, chosen: QuerySet[Guesser]) -> None:
        by_hand = [row.network for row in chosen.select_related("rule") if _is_by_hand(row)]
        count = guessers.lift(chosen.order_by(), author=administrator(request))
        self.message_user(request, f"{words.count(count, 'block')} lifted.", messages.SUCCESS)
        for network in by_hand[:MOST_SHOWN]:
            told = f"{network} stays denied by a rule that an administrator made; delete it among the access rules."
            self.message_user(request, told, messages.WARNING)

    def _exempt(self, request: HttpRequest, chosen: QuerySet[Guesser]) -> None:
        count = guessers.exempt(chosen.order_by(), author=administrator(request))
        self.message_user(request, f"{words.count(count, 'network')} exempted.", messages.SUCCESS)

    @display(description="Who", ordering="network")
    def who(self, row: Guesser) -> str:
        """The address or network."""
        return format_html('<span class="code short">{}</span>', row.network)

    @display(
        description="State",
        label={
            "blocked": "danger",
            "by network": "danger",
            "denied": "danger",
            "exempt": "info",
            "was blocked": "warning",
            "counted": "default",
        },
    )
    def state(self, row: Guesser) -> str:
        """Whether it is kept out now, and by whom."""
        if guessers.is_blocked(row):
            return "denied" if _is_by_hand(row) else "blocked"
        if self._is(row, "is_within", _blocked_networks):
            return "by network"
        if self._is(row, "is_exempt", exemptions.networks):
            return "exempt"
        return "was blocked" if row.blocked_at else "counted"

    @staticmethod
    def _is(row: Guesser, name: str, networks: Callable[[], list[exemptions.Network]]) -> bool:
        """What a list has found out for all its rows; the page of one row asks."""
        known = getattr(row, name, None)
        return exemptions.covers(networks(), row.network) if known is None else bool(known)

    @display(description="Until", ordering="rule__expires_at")
    def until(self, row: Guesser) -> str:
        """When the block ends."""
        if not guessers.is_blocked(row) or row.rule is None:
            return shown.NOTHING
        end = shown.moment(row.rule.expires_at) if row.rule.expires_at else "without end"
        return format_html('<span class="moment">{}</span>', end)

    @display(description="Rule")
    def rule_link(self, row: Guesser) -> str:
        """The deny itself."""
        return shown.link(row.rule)

    @display(description="Doors")
    def shown_doors(self, row: Guesser) -> str:
        """Where it failed, the most first."""
        return ", ".join(f"{_door(name)} {number}" for name, number in _by_number(row.doors)[:3]) or shown.NOTHING

    @display(description="Accounts")
    def shown_accounts(self, row: Guesser) -> str:
        """With whose names, the most first."""
        names = list(guesser_rows.named(row.accounts))
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        told = format_html_join(", ", "{}", ((shown.name(name),) for name in names[:2]))
        return format_html("<span>{}{}</span>", told, more) if names else shown.NOTHING

    @display(description="Doors")
    def every_door(self, row: Guesser) -> str:
        """Where it failed, with numbers."""
        return shown.counted((_door(name), number) for name, number in _by_number(row.doors))

    @display(description="Accounts tried")
    def every_account(self, row: Guesser) -> str:
        """With whose names, with numbers; of many only the first ones are told."""
        return shown.counted(shown.with_rest(row.accounts, "no name, or others"))

    @display(description="Addresses")
    def every_address(self, row: Guesser) -> str:
        """Of a network: which of its addresses failed."""
        if row.kind != Guesser.Kind.NETWORK:
            return shown.NOTHING
        return shown.counted(shown.with_rest(row.addresses, "others"))

    @display(description="Audit log")
    def log(self, row: Guesser) -> str:
        """What else is known of it."""
        begins, is_network, _ = row.network.partition("/")
        sought = begins.removesuffix(".0").removesuffix("::") if is_network else begins
        url = reverse("admin:accounts_auditevent_changelist")
        return shown.anchor(f"{url}?q={sought}", f"events with {sought}")


def _blocked_networks() -> list[exemptions.Network]:
    rows = Guesser.objects.filter(kind=Guesser.Kind.NETWORK, rule__expires_at__gt=clock.now()).select_related("rule")
    return [ip_network(row.network) for row in rows if guessers.is_blocked(row)]


def _is_by_hand(row: Guesser) -> bool:
    return guessers.is_blocked(row) and row.rule is not None and row.rule.author_name != rules.SERVER


def _by_number(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: -item[1])


def _door(name: str) -> str:
    return str(_DOORS.get(name, name))


def _about() -> dict[str, Any]:
    """What makes somebody a guesser here, in words."""
    scale = settings.RATE_LIMIT_SCALE
    return {
        "blocking": settings.GUESSER_BLOCKING,
        "failures": round(settings.GUESSER_RATE.count * scale),
        "window": in_words(settings.GUESSER_RATE.seconds),
        "network_failures": round(settings.GUESSER_NETWORK_RATE.count * scale),
        "network_window": in_words(settings.GUESSER_NETWORK_RATE.seconds),
        "network_addresses": settings.GUESSER_NETWORK_ADDRESSES,
        "first_block": in_words(settings.GUESSER_BLOCK),
        "longest": in_words(settings.GUESSER_LONGEST_BLOCK),
    }
