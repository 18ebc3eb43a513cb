"""The form of a subscription: who is told, how, and of what."""

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from accounts import event_kinds, subscriptions, words
from accounts.errors import Refusal
from accounts.models import Severity, Subscription

BLIND = "A mail cannot tell you that mail is stuck: subscribe a webhook to that as well."
_KINDS = [
    (name, f"{event_kinds.ALL[name].title} – {event_kinds.ALL[name].severity.label}: {event_kinds.ALL[name].when}")
    for name in event_kinds.CHOSEN
]


class SubscriptionForm(forms.ModelForm):
    """A subscription. How it is told cannot be changed later."""

    kinds = forms.MultipleChoiceField(
        label="Only these kinds",
        choices=[(name, text.replace("`", "")) for name, text in _KINDS],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="None chosen: every kind of that severity, also those that come with a later version.",
    )

    class Meta:
        model = Subscription
        fields = ("name", "channel", "target", "least_severity", "kinds", "enabled")
        labels: ClassVar = {"channel": "Told by", "least_severity": "From this severity on", "enabled": "Switched on"}
        help_texts: ClassVar = {
            "name": "What you call it.",
            "channel": BLIND,
            "target": "A mail address, or the URL of a webhook such as https://hooks.example.org/latchkey.",
        }
        widgets: ClassVar = {
            "target": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("channel", None)

    def clean(self) -> dict[str, Any]:
        """The canonical target of its kind."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        channel = cleaned.get("channel") or self.instance.channel
        if channel and "target" in cleaned:
            try:
                cleaned["target"] = subscriptions.checked_target(channel, cleaned["target"])
            except Refusal as refusal:
                self.add_error("target", refusal.detail or words.of(refusal))
        if cleaned.get("kinds") and not self._heard(cleaned):
            self.add_error("kinds", "None of the chosen kinds is that severe: nothing would ever be told.")
        return cleaned

    def _heard(self, cleaned: dict[str, Any]) -> list[str]:
        """Of the chosen kinds those that the severity lets through."""
        least = cleaned.get("least_severity", Severity.INFO)
        return [name for name in cleaned["kinds"] if event_kinds.matters(event_kinds.ALL[name].severity, least)]
