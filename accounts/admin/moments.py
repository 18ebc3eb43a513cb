"""The field of a form that asks for a moment."""

from typing import Any

from django import forms
from unfold.widgets import BASE_INPUT_CLASSES

from accounts import clock, words

_LOCAL = "%Y-%m-%dT%H:%M"


class UntilField(forms.DateTimeField):
    """When something ends, in UTC as every moment of these pages; empty: without end."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label="Until",
            required=False,
            input_formats=[_LOCAL, "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"],
            widget=forms.DateTimeInput(
                format=_LOCAL, attrs={"type": "datetime-local", "class": " ".join([*BASE_INPUT_CLASSES, "max-w-2xl"])}
            ),
            help_text="UTC. Empty: without end.",
            **options,
        )


def lies_ahead(moment: Any) -> Any:
    """The moment, or none; a form error for one that has passed."""
    if moment and moment <= clock.now():
        raise forms.ValidationError(words.pattern("until"))
    return moment
