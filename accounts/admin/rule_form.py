"""The form of a rule: one spelling for each meaning, and words where it cannot be read (R48)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import patterns, words
from accounts.admin import shown
from accounts.admin.moments import UntilField, lies_ahead
from accounts.errors import Refusal
from accounts.models import AccessRule

DECIDING = ("effect", "field", "pattern", "flow", "enabled", "expires_at")


class RuleForm(forms.ModelForm):
    """A rule; `draft` is what was typed before the preview sent one back."""

    draft: ClassVar[Mapping[str, str]] = {}
    expires_at = UntilField()

    class Meta:
        model = AccessRule
        fields = ("effect", "field", "pattern", "flow", "enabled", "expires_at", "note")
        help_texts: ClassVar = {
            "effect": "A deny always wins. An allow counts where whitelist mode is on.",
            "pattern": (
                "A key 05…, a name (mallory, spam-*), person@example.org, example.org, a fingerprint, 192.0.2.0/24."
            ),
            "note": "Why; shown to administrators only.",
        }
        widgets: ClassVar = {
            "pattern": UnfoldAdminTextInputWidget(
                attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound and self.draft:
            self.initial.update(self.draft)
            self.initial["enabled"] = "enabled" in self.draft

    def clean_expires_at(self) -> Any:
        """A new end lies ahead."""
        moment = self.cleaned_data["expires_at"]
        return lies_ahead(moment) if "expires_at" in self.changed_data else moment

    def clean(self) -> dict[str, Any]:
        """The canonical pattern, which no other rule of this meaning has."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "field" in cleaned and "pattern" in cleaned:
            try:
                cleaned["pattern"] = patterns.canonical(cleaned["field"], cleaned["pattern"]).text
            except Refusal:
                self.add_error("pattern", words.pattern(cleaned["field"]))
        self._refuse_duplicate(cleaned)
        return cleaned

    def _refuse_duplicate(self, cleaned: dict[str, Any]) -> None:
        meaning = {name: cleaned.get(name) for name in ("effect", "field", "pattern", "flow")}
        if None in meaning.values():
            return
        other = AccessRule.objects.filter(**meaning).exclude(pk=self.instance.pk).first()
        if other is not None:
            told = format_html("There is a rule that says the same: {}.", shown.link(other, other.pattern))
            self.add_error("pattern", told)
