"""Session's moderators in the administration: named by key, by the verbs of `moderation` (session-open-group.md §6)."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import words
from accounts.admin import shown
from accounts.admin.base import HouseAdmin, administrator
from accounts.errors import Refusal
from accounts.keys import canonical_x25519
from challenges.session import moderation
from challenges.session.models import Moderator

_CHANNELS = re.compile(r"\d{1,9}(,\d{1,9})*")


class ModeratorForm(forms.ModelForm):
    """A moderator; the key is canonicalised."""

    class Meta:
        model = Moderator
        fields = ("public_key", "channels", "note")
        widgets = {"public_key": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})}  # noqa: RUF012

    def clean_public_key(self) -> str:
        """The canonical key."""
        try:
            return canonical_x25519(self.cleaned_data["public_key"].strip())
        except Refusal as refusal:
            raise forms.ValidationError(words.of(refusal)) from None

    def clean_channels(self) -> str:
        """Numbers with commas between."""
        text: str = re.sub(r"\s+", "", self.cleaned_data["channels"])
        if text and not _CHANNELS.fullmatch(text):
            raise forms.ValidationError("Channel numbers with commas between, such as 1,2. Empty: all of them.")
        return text


@admin.register(Moderator)
class ModeratorAdmin(HouseAdmin):
    """Keys with moderator rights; they may be named before they ever log in."""

    icon = "shield_person"
    can_add = can_change = can_delete = True
    form = ModeratorForm
    list_display = ("key", "reach", "shown_note", "made_column")
    search_fields = ("public_key", "note")
    search_help_text = "Key or note"
    ordering = ("-pk",)
    made_column = shown.moment_column("created_at", "Added")

    def get_readonly_fields(self, request: HttpRequest, obj: Moderator | None = None) -> tuple[str, ...]:
        """Another key is another moderator."""
        return ("whole_key", "made_column") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Moderator | None = None) -> Any:
        """The key is chosen once."""
        key, facts = ("whole_key", ("made_column",)) if obj else ("public_key", ())
        return [(None, {"fields": (key, "channels", "note", *facts)})]

    def save_model(self, request: HttpRequest, obj: Moderator, form: Any, change: bool) -> None:
        """By the verb; the note is for administrators only and goes with it."""
        moderation.add(obj.public_key, channels=obj.channels, note=obj.note, actor=administrator(request))
        obj.pk = Moderator.objects.get(public_key=obj.public_key).pk

    def delete_model(self, request: HttpRequest, obj: Moderator) -> None:
        """By the verb."""
        moderation.remove(obj.public_key, actor=administrator(request))

    @display(description="Key", ordering="public_key")
    def key(self, moderator: Moderator) -> str:
        """The ends of it."""
        return shown.code(moderator.public_key)

    @display(description="Key")
    def whole_key(self, moderator: Moderator) -> str:
        """From end to end."""
        return shown.whole_code(moderator.public_key)

    @display(description="Moderates", ordering="channels")
    def reach(self, moderator: Moderator) -> str:
        """Everything, or some channels."""
        return "everything" if moderator.is_global else f"channels {moderator.channels}"

    @display(description="Note", ordering="note")
    def shown_note(self, moderator: Moderator) -> str:
        """For administrators."""
        return shown.text(moderator.note)
