"""Networks that are never blocked by themselves: those of the settings, and those that are named here."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import exemptions, patterns, words
from accounts.admin import shown
from accounts.admin.base import HouseAdmin, administrator
from accounts.errors import Refusal
from accounts.models import ExemptNetwork


class ExemptForm(forms.ModelForm):
    """A network and why."""

    class Meta:
        model = ExemptNetwork
        fields = ("network", "note")
        help_texts: ClassVar = {
            "network": "192.0.2.7, 192.0.2.0/24 or 2001:db8::/48.",
            "note": "Why; shown to administrators only.",
        }
        widgets: ClassVar = {
            "network": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})
        }

    def clean_network(self) -> str:
        """The canonical spelling."""
        try:
            return patterns.canonical("ip", self.cleaned_data["network"]).text
        except Refusal as refusal:
            raise forms.ValidationError(words.of(refusal)) from None


@admin.register(ExemptNetwork)
class ExemptNetworkAdmin(HouseAdmin):
    """Added and deleted, never edited."""

    can_add = can_delete = True
    form = ExemptForm
    list_display = ("shown_network", "shown_note", "author_link", "made_column")
    list_select_related = ("author",)
    list_before_template = "admin/accounts/exempt_about.html"
    search_fields = ("network", "note")
    search_help_text = "Network or note"
    ordering = ("network",)
    actions: ClassVar = ()
    made_column = shown.moment_column("created_at", "Made")

    def get_fieldsets(self, request: HttpRequest, obj: ExemptNetwork | None = None) -> Any:
        """What is typed once, and later what is known of it."""
        facts = ("shown_network", "shown_note", "author_link", "made_column")
        return [(None, {"fields": facts if obj else ExemptForm.Meta.fields})]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; above it, what the settings exempt."""
        about = {"by_settings": [str(network) for network in exemptions.by_settings()]}
        return super().changelist_view(request, {**(extra_context or {}), **about})

    def save_model(self, request: HttpRequest, obj: ExemptNetwork, form: Any, change: bool) -> None:
        """By the verb."""
        row = exemptions.add(obj.network, note=obj.note, author=administrator(request))
        obj.pk = row.pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: ExemptNetwork) -> None:
        """By the verb."""
        exemptions.remove(self._only(obj), author=administrator(request))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Nothing else goes with it."""
        return [str(row) for row in objs], {str(self.opts.verbose_name): len(objs)}, set(), []

    @staticmethod
    def _only(row: ExemptNetwork) -> QuerySet[ExemptNetwork]:
        return ExemptNetwork.objects.filter(pk=row.pk)

    @display(description="Network", ordering="network")
    def shown_network(self, row: ExemptNetwork) -> str:
        """The address or network."""
        return format_html('<span class="code">{}</span>', row.network)

    @display(description="Note", ordering="note")
    def shown_note(self, row: ExemptNetwork) -> str:
        """Why it is there."""
        return shown.text(row.note)

    @display(description="Author", ordering="author__username")
    def author_link(self, row: ExemptNetwork) -> str:
        """Who made it."""
        return shown.link(row.author)
