"""OAuth in the administration: programs, blocked hosts, signing keys. Every change is a verb's."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import CharField, Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import tokens, words
from accounts.admin import shown
from accounts.admin.asking import Question, ask, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.admin.reauthentication import OwnPassword
from accounts.errors import Refusal
from devicelogin.oauth import clients, device_grants, hosts, signing_keys
from devicelogin.oauth.models import BlockedHost, Client, SigningKey

_CONSEQUENCE = "Sessions that were opened with it end, and the people who use it must sign in again."


class StateFilter(admin.SimpleListFilter):
    """Blocked ones, or the others."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two states."""
        return [("served", "Served"), ("blocked", "Blocked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Client]) -> QuerySet[Client]:
        """The programs in the chosen state."""
        match self.value():
            case "served":
                return queryset.filter(blocked_at=None)
            case "blocked":
                return queryset.exclude(blocked_at=None)
        return queryset


@admin.register(Client)
class ClientAdmin(HouseAdmin):
    """Programs that registered. A program chooses its own name: the host is what can be believed."""

    icon = "apps"
    list_display = ("shown_name", "shown_host", "sessions", "used_column", "made_column", "state")
    list_filter = (StateFilter,)
    list_before_template = "admin/oauth/grants.html"
    search_fields = ("client_id", "host", "hosts__host")
    search_help_text = "Client id or host"
    ordering = ("-last_used_at", "-pk")
    actions_detail = ("block_host", "forget")
    fields = (
        *("shown_name", "shown_host", "whole_id", "sessions", "kind", "targets", "grants", "links"),
        *("used_column", "made_column", "state"),
    )
    used_column = shown.moment_column("last_used_at", "Last used")
    made_column = shown.moment_column("created_at", "Registered")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        """With the number of live sessions."""
        queryset: QuerySet[Client] = super().get_queryset(request)
        living = tokens.live().filter(client=OuterRef("client_id")).order_by().annotate(one=Value("", CharField()))
        counted = living.values("one").annotate(count=Count("family", distinct=True)).values("count")
        live = Coalesce(Subquery(counted, output_field=IntegerField()), 0)
        return queryset.defer("digest", "secret_digest").annotate(live_sessions=live)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; above it what waits, and the way to the log."""
        log = f"{reverse('admin:accounts_auditevent_changelist')}?event__exact=consent-given"
        more = {"grants": device_grants.counts(), "consent_log": log}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    @action(description="Block its host", url_path="block", icon="block", permissions=["act"])
    def block_host(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then blocks the host and those below it."""
        row = self._row(request, object_id)
        if is_confirmed(request):
            count = clients.block(row.host, actor=administrator(request))
            self.message_user(request, f"{row.host} is blocked: {words.count(count, 'program')}.", messages.SUCCESS)
            return HttpResponseRedirect(shown.change_url(row))
        text = [f"No program of {row.host} and of the hosts below it is served any more.", _CONSEQUENCE]
        question = Question(f"Block {row.host}", "Block", shown.change_url(row), text, grave=True)
        return ask(self, request, question)

    @action(description="Forget", url_path="forget", icon="delete", permissions=["act"])
    def forget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then deletes the registration."""
        row = self._row(request, object_id)
        if is_confirmed(request):
            clients.forget(row.client_id, actor=administrator(request))
            self.message_user(request, "The registration is gone.", messages.SUCCESS)
            return HttpResponseRedirect(self.list_url())
        text = [_CONSEQUENCE, "It may register again. To keep it out, block its host."]
        return ask(self, request, Question(f"Forget {row}", "Forget", shown.change_url(row), text, grave=True))

    def _row(self, request: HttpRequest, object_id: str) -> Client:
        row: Client | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    @display(description="Calls itself")
    def shown_name(self, row: Client) -> str:
        """Its own words."""
        return shown.text(row.name or "without a name")

    @display(description="Host", ordering="host")
    def shown_host(self, row: Client) -> str:
        """Where it says it is at home."""
        return shown.text(row.host)

    @display(description="Client id")
    def whole_id(self, row: Client) -> str:
        """The id, whole."""
        return shown.whole_code(row.client_id)

    @display(description="Live sessions", ordering="live_sessions")
    def sessions(self, row: Client) -> str:
        """How many."""
        return f"{row.live_sessions:,}"  # type: ignore[attr-defined]  # annotated

    @display(description="Kind")
    def kind(self, row: Client) -> str:
        """Web or native, with or without a secret."""
        secret = "public" if row.digest else "with a secret"
        return f"{row.metadata.get('application_type', 'web')}, {secret}"

    @display(description="Sends people to")
    def targets(self, row: Client) -> str:
        """Its redirect URIs."""
        return shown.block("\n".join(row.metadata.get("redirect_uris", [])) or shown.NOTHING)

    @display(description="Grants")
    def grants(self, row: Client) -> str:
        """By which ways it may sign people in."""
        return shown.text(", ".join(row.metadata.get("grant_types", [])), 200)

    @display(description="Links")
    def links(self, row: Client) -> str:
        """Pages it names; nothing of them is ever fetched."""
        named = [f"{key}: {value}" for key, value in sorted(row.metadata.items()) if "_uri" in key and key[-1] != "s"]
        return shown.block("\n".join(named))

    @display(description="State", label={"served": "success", "blocked": "danger"})
    def state(self, row: Client) -> str:
        """Whether it is served."""
        return "blocked" if row.blocked_at else "served"


class BlockForm(forms.ModelForm):
    """A host to block."""

    class Meta:
        model = BlockedHost
        fields = ("host", "note")
        help_texts: ClassVar = {
            "host": "Such as example.org; it counts for the hosts below it too.",
            "note": "Why; shown to administrators only.",
        }
        widgets: ClassVar = {"host": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})}

    def clean_host(self) -> str:
        """A host in lower case."""
        text = self.cleaned_data["host"].strip().lower()
        if not text or hosts.of(f"https://{text}") != text:
            raise forms.ValidationError(words.pattern("domain"))
        return str(text)


@admin.register(BlockedHost)
class BlockedHostAdmin(HouseAdmin):
    """Hosts whose programs are not served."""

    icon = "domain_disabled"
    can_add = can_delete = True
    form = BlockForm
    list_display = ("shown_host", "shown_note", "author_link", "made_column")
    search_fields = ("host", "note")
    search_help_text = "Host or note"
    ordering = ("host",)
    made_column = shown.moment_column("created_at", "Blocked")

    def get_fieldsets(self, request: HttpRequest, obj: BlockedHost | None = None) -> Any:
        """Chosen once."""
        facts = ("shown_host", "shown_note", "author_link", "made_column")
        return [(None, {"fields": facts if obj else BlockForm.Meta.fields})]

    def save_model(self, request: HttpRequest, obj: BlockedHost, form: Any, change: bool) -> None:
        """By the verb."""
        clients.block(obj.host, note=obj.note, actor=administrator(request))
        obj.pk = BlockedHost.objects.get(host=obj.host).pk

    def delete_model(self, request: HttpRequest, obj: BlockedHost) -> None:
        """By the verb."""
        clients.unblock(obj.host, actor=administrator(request))

    @display(description="Host", ordering="host")
    def shown_host(self, row: BlockedHost) -> str:
        """And all below it."""
        return shown.text(row.host)

    @display(description="Note", ordering="note")
    def shown_note(self, row: BlockedHost) -> str:
        """Why."""
        return shown.text(row.note)

    @display(description="Author")
    def author_link(self, row: BlockedHost) -> str:
        """Who blocked it; commands have no account."""
        return shown.link(row.author)


@admin.register(SigningKey)
class SigningKeyAdmin(HouseAdmin):
    """Keys of ID tokens. The newest signs; the others are published until what they signed has expired."""

    icon = "vpn_key"
    list_display = ("shown_kid", "state", "made_column", "retired_column")
    ordering = ("-number",)
    actions_list = ("rotate",)
    fields = ("shown_kid", "state", "made_column", "retired_column")
    made_column = shown.moment_column("created_at", "Made")
    retired_column = shown.moment_column("retired_at", "Retired")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        """Without what is sealed."""
        queryset: QuerySet[SigningKey] = super().get_queryset(request)
        return queryset.defer("sealed")

    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever could change the rows."""
        return self.has_act_permission(request)

    @action(description="Make a new key", url_path="rotate", icon="autorenew", permissions=["rotate"])
    def rotate(self, request: HttpRequest) -> HttpResponse:
        """Asks, with the administrator's own password (R47), then makes the next key."""
        form = OwnPassword(request.POST or None, request=request)
        try:
            if is_confirmed(request) and form.is_valid():
                signing_keys.rotate(actor=administrator(request))
                self.message_user(request, "A new key signs from now on.", messages.SUCCESS)
                return HttpResponseRedirect(self.list_url())
        except Refusal as refusal:
            form.add_error(None, words.of(refusal))
        text = ["ID tokens are signed with a new key at once. The old one stays published until they have expired."]
        return ask(self, request, Question("Make a new signing key", "Make it", self.list_url(), text, form=form))

    @display(description="Key", ordering="kid")
    def shown_kid(self, row: SigningKey) -> str:
        """Its id."""
        return shown.code(row.kid)

    @display(description="State", label={"signs": "success", "published": "default"})
    def state(self, row: SigningKey) -> str:
        """What it is for."""
        return "published" if row.retired_at else "signs"
