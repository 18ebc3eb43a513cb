"""The forms of the account's pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.pages.forms import PageForm

_LONGEST_TEXT = 100_000  # characters: an armored key with many signatures, as the Laverna door takes it


def _text(label: Any, longest: int, **attributes: Any) -> forms.CharField:
    shown = {"autocomplete": "off", **attributes}
    return forms.CharField(label=label, max_length=longest, widget=forms.TextInput(attrs=shown))


def _armored(label: Any) -> forms.CharField:
    shown = {"rows": 8, "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off", "class": "armored"}
    return forms.CharField(label=label, max_length=_LONGEST_TEXT, widget=forms.Textarea(attrs=shown))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n") + "\n"


class DisplayNameForm(PageForm):
    """What others see; empty for nothing but the account's name."""

    name = _text(gettext_lazy("Display name"), 256, autocomplete="nickname", dir="auto")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        self.fields["name"].help_text = _("Others see it in Matrix and Session instead of your account's name.")


class RenameForm(PageForm):
    """The one own name of an account that a key made."""

    username = _text(gettext_lazy("New name"), 255, autocomplete="username", autocapitalize="none", spellcheck="false")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = _("Small letters, digits and . _ = - : it is your name for every app.")


class DeviceNameForm(PageForm):
    """What its owner calls a device."""

    name = _text(gettext_lazy("Name"), 100, dir="auto")


class SessionTokenForm(PageForm):
    """A token of a Session app that is signed in here."""

    token = _text(gettext_lazy("Token of the Session app"), 200, spellcheck="false", autocapitalize="none")


class OpenPGPForm(PageForm):
    """A key and what it signed."""

    publicKey = _armored(gettext_lazy("Public key"))  # noqa: N815  # the field of `key_proofs`
    signature = _armored(gettext_lazy("Signed text"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["publicKey"].help_text = _("The text that begins with BEGIN PGP PUBLIC KEY BLOCK.")
        self.fields["signature"].help_text = _("The text that begins with BEGIN PGP SIGNED MESSAGE.")

    def clean_publicKey(self) -> str:  # noqa: N802  # named after its field
        """With the line ends that programs write: browsers send others, and the key is kept as it comes."""
        return _lines(self.cleaned_data["publicKey"])

    def clean_signature(self) -> str:
        """Likewise."""
        return _lines(self.cleaned_data["signature"])


class CloseForm(PageForm):
    """What must be typed before an account is closed."""

    typed = _text(gettext_lazy("Your account's name"), 255, spellcheck="false", autocapitalize="none")
    erase = forms.BooleanField(label="", required=False)

    def __init__(self, *args: Any, asks_erase: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["erase"].label = _("Also hide what I wrote from people who join my rooms later")
        if not asks_erase:
            del self.fields["erase"]
