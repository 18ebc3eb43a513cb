"""Registration tokens: who may make an account while REGISTRATION is `token` (matrix.md §5, §7)."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import clock, registration_tokens, words
from accounts.admin import shown
from accounts.admin.asking import MOST_SHOWN, Question, ask, chosen_rows, is_confirmed
from accounts.admin.base import HouseAdmin, administrator
from accounts.admin.moments import UntilField, lies_ahead
from accounts.errors import Reason, Refusal
from accounts.models import RegistrationToken
from accounts.registration_tokens import State

_CONSEQUENCE = (
    "Nobody can make an account with it any more, not even those who have begun. The accounts it made stay. "
    "This cannot be undone."
)


class StateFilter(admin.SimpleListFilter):
    """What a token is worth, as `registration_tokens.state` says it."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The four states."""
        return [(state.name.lower(), state.value.capitalize()) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RegistrationToken]) -> QuerySet[RegistrationToken]:
        """The tokens in the chosen state."""
        has_ended = Q(expires_at__lte=clock.now())
        is_used_up = Q(uses_allowed__lte=F("completed") + F("pending_now"))
        match self.value():
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
            case "expired":
                return queryset.filter(has_ended, revoked_at=None)
            case "used_up":
                return queryset.filter(is_used_up, Q(expires_at=None) | ~has_ended, revoked_at=None)
            case "valid":
                is_open = queryset.filter(Q(expires_at=None) | ~has_ended, revoked_at=None)
                return is_open.filter(Q(uses_allowed=None) | ~is_used_up)
        return queryset


class IssueForm(forms.ModelForm):
    """A new token; everything may be left out."""

    token = forms.CharField(
        label="Text",
        required=False,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text="Empty: 16 random characters. Else up to 64, of A-Z a-z 0-9 . _ ~ and -.",
    )
    expires_at = UntilField()

    class Meta:
        model = RegistrationToken
        fields = ("uses_allowed", "expires_at", "note", "token")
        labels: ClassVar = {"uses_allowed": "Uses"}
        help_texts: ClassVar = {
            "uses_allowed": "How many accounts it may make. Empty: any number.",
            "note": "What it is for; shown to administrators only.",
        }

    def clean_token(self) -> str:
        """A text of the grammar that was never issued."""
        text: str = self.cleaned_data["token"]
        if text and not registration_tokens.is_well_formed(text):
            raise forms.ValidationError(words.pattern("token"))
        if RegistrationToken.objects.filter(token=text).exists():
            raise forms.ValidationError(words.of(Refusal(Reason.NAME_TAKEN, field="token")))
        return text

    def clean_uses_allowed(self) -> int | None:
        """At least one, and no more than can be counted."""
        uses: int | None = self.cleaned_data["uses_allowed"]
        if uses is not None and not 1 <= uses <= registration_tokens.MOST_USES:
            raise forms.ValidationError(words.pattern("uses"))
        return uses

    def clean_expires_at(self) -> Any:
        """An end lies ahead."""
        return lies_ahead(self.cleaned_data["expires_at"])


@admin.register(RegistrationToken)
class RegistrationTokenAdmin(HouseAdmin):
    """What administrators hand out so that others can make an account."""

    can_add = True
    form = IssueForm
    list_display = ("text", "shown_state", "uses", "pending", "until", "shown_note", "author_link", "made_column")
    list_filter = (StateFilter,)
    list_select_related = ("author",)
    list_before_template = "admin/accounts/registration_mode.html"
    search_fields = ("token", "note", "author__username")
    search_help_text = "Text, note or author"
    ordering = ("-pk",)
    actions: ClassVar = ("revoke_chosen",)
    actions_detail = ("revoke_token",)
    made_column = shown.moment_column("created_at", "Made")
    revoked_column = shown.moment_column("revoked_at", "Revoked")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegistrationToken]:
        """With the uses that are held."""
        return registration_tokens.with_pending(super().get_queryset(request)).select_related("author")

    def get_fieldsets(self, request: HttpRequest, obj: RegistrationToken | None = None) -> Any:
        """What is chosen once, and later what became of it."""
        facts = ("text", "shown_state", "uses", "pending", "until", "shown_note", "author_link", "made_column")
        return [(None, {"fields": (*facts, "revoked_column", "log") if obj else IssueForm.Meta.fields})]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """A revoked token has nothing left to be done to it."""
        row = self.get_object(request, object_id)
        return [] if row is None or row.revoked_at else list(super().get_actions_detail(request, object_id))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; above it, whether a token is asked for at all."""
        mode = {"registration": settings.REGISTRATION}
        return super().changelist_view(request, {**(extra_context or {}), **mode})

    def save_model(self, request: HttpRequest, obj: RegistrationToken, form: Any, change: bool) -> None:
        """By the verb."""
        facts = form.cleaned_data
        row = registration_tokens.issue(
            uses=facts["uses_allowed"],
            until=facts["expires_at"],
            token=facts["token"],
            note=facts["note"],
            actor=administrator(request),
        )
        obj.pk = row.pk
        obj.refresh_from_db()

    @action(description="Revoke the chosen tokens", permissions=["act"])
    def revoke_chosen(self, request: HttpRequest, queryset: QuerySet[RegistrationToken]) -> HttpResponse | None:
        """Asks, then revokes them."""
        chosen = queryset.filter(revoked_at=None)
        total = chosen.count()
        if not total:
            self.message_user(request, "All of these are revoked already.", messages.WARNING)
            return None
        title = f"Revoke {words.count(total, 'registration token')}"
        if not is_confirmed(request):
            items = [shown.code(row.token) for row in chosen[:MOST_SHOWN]]
            hidden, back = chosen_rows(request), request.get_full_path()
            return ask(
                self, request, Question(title, "Revoke", back, [_CONSEQUENCE], "", items, total, hidden, grave=True)
            )
        with transaction.atomic():
            done = [registration_tokens.revoke(row.token, actor=administrator(request)) for row in chosen]
        self.message_user(request, f"{words.count(sum(done), 'registration token')} revoked.", messages.SUCCESS)
        return None

    @action(description="Revoke this token", url_path="revoke", icon="block", permissions=["act"])
    def revoke_token(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks, then revokes it."""
        row: RegistrationToken | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        page = HttpResponseRedirect(shown.change_url(row))
        if row.revoked_at:
            self.message_user(request, "The token is revoked already.", messages.WARNING)
            return page
        if not is_confirmed(request):
            return ask(self, request, Question(f"Revoke {row}", "Revoke", page.url, [_CONSEQUENCE], grave=True))
        registration_tokens.revoke(row.token, actor=administrator(request))
        self.message_user(request, "The token is revoked.", messages.SUCCESS)
        return page

    @display(description="Token", ordering="token")
    def text(self, row: RegistrationToken) -> str:
        """The text that is handed out, whole."""
        return shown.whole_code(row.token)

    @display(
        description="State",
        label={"valid": "success", "used up": "default", "expired": "warning", "revoked": "danger"},
    )
    def shown_state(self, row: RegistrationToken) -> str:
        """What it is worth now."""
        return registration_tokens.state(row).value

    @display(description="Used", ordering="completed")
    def uses(self, row: RegistrationToken) -> str:
        """How many accounts it made, of how many."""
        allowed = "any number" if row.uses_allowed is None else f"{row.uses_allowed:,}"
        return f"{row.completed:,} of {allowed}"

    @display(description="Pending", ordering="pending_now")
    def pending(self, row: RegistrationToken) -> str:
        """How many registrations in progress hold a use."""
        return f"{registration_tokens.pending(row):,}"

    @display(description="Until", ordering="expires_at")
    def until(self, row: RegistrationToken) -> str:
        """When it ends."""
        when = shown.moment(row.expires_at) if row.expires_at else "without end"
        return format_html('<span class="moment">{}</span>', when)

    @display(description="Note", ordering="note")
    def shown_note(self, row: RegistrationToken) -> str:
        """What it is for."""
        return shown.text(row.note)

    @display(description="Author", ordering="author__username")
    def author_link(self, row: RegistrationToken) -> str:
        """Who made it; commands have no account."""
        return shown.link(row.author)

    @display(description="Audit log")
    def log(self, row: RegistrationToken) -> str:
        """What happened with it; the log names it by its number."""
        subject = registration_tokens.audit_subject(row)
        url = f"{reverse('admin:accounts_auditevent_changelist')}?{urlencode({'subject__exact': subject})}"
        return shown.anchor(url, subject)
