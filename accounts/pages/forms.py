"""The forms of the pages: fields with the names, types and hints that browsers and password managers understand."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import Refusal
from accounts.pages import words

_LONGEST_PASSWORD = 1024


class PageForm(forms.Form):
    """A form whose refusals are told at the field they are about; `status` is that of its page when it is wrong."""

    status = 400

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages["required"] = _("Please fill this in.")

    def refuse(self, refusal: Refusal, **fields: str) -> bool:
        """Tells it at its field, which may be called otherwise here; False when no field is meant."""
        field = fields.get(refusal.field, refusal.field)
        if field not in self.fields:
            return False
        self.add_error(field, words.of(refusal))
        self.status = words.status(refusal)
        return True


def _name_field(label: Any, **attributes: Any) -> forms.CharField:
    shown = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false", "dir": "auto", **attributes}
    return forms.CharField(label=label, max_length=255, widget=forms.TextInput(attrs=shown))


def _password_field(label: Any, autocomplete: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, max_length=_LONGEST_PASSWORD, strip=False, widget=widget)


def _address_field(label: Any, **options: Any) -> forms.CharField:
    widget = forms.EmailInput(attrs={"autocomplete": "email", "maxlength": 254})
    return forms.CharField(label=label, max_length=254, widget=widget, **options)


def _code_field(label: Any, *, digits: bool = True) -> forms.CharField:
    shown = {"autocomplete": "one-time-code", "spellcheck": "false", "class": "code", "autocapitalize": "none"}
    if digits:
        shown["inputmode"] = "numeric"
    return forms.CharField(label=label, max_length=40, widget=forms.TextInput(attrs=shown))


class SignInForm(PageForm):
    """Name or address with the password."""

    name = _name_field(gettext_lazy("Name or e-mail address"), autocomplete="username webauthn")
    password = _password_field(gettext_lazy("Password"), "current-password")


class AddressForm(PageForm):
    """An address to which a mail goes."""

    email = _address_field(gettext_lazy("E-mail address"))


class MailedCodeForm(PageForm):
    """Six digits out of a mail."""

    code = _code_field(gettext_lazy("Code"))


class SecondStepForm(PageForm):
    """A code of an app, or a recovery code."""

    code = _code_field(gettext_lazy("Code"), digits=False)


class PasswordForm(PageForm):
    """The own password, asked again."""

    password = _password_field(gettext_lazy("Password"), "current-password")


class NewPasswordForm(PageForm):
    """A new password, typed once: it can be shown, and a second field is only copied."""

    new_password = _password_field(gettext_lazy("New password"), "new-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].help_text = words.password_rules()


class ChangePasswordForm(NewPasswordForm):
    """The new password beside the old one."""

    old_password = _password_field(gettext_lazy("Present password"), "current-password")
    field_order = ("old_password", "new_password")


class PasskeyNameForm(PageForm):
    """What its owner calls a passkey."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class NewAccountForm(PageForm):
    """What every new account says, as `REGISTRATION` and the terms ask."""

    username = _name_field(gettext_lazy("Name"), autocomplete="username")
    token = forms.CharField(
        label=gettext_lazy("Registration token"), max_length=64, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    accepted = forms.BooleanField(label="", required=True)

    def __init__(self, *args: Any, has_documents: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = _("Small letters, digits and . _ = - : it is your name for every app.")
        self.fields["token"].help_text = _("You get one from the people who run this site.")
        self.fields["accepted"].label = _("I have read and accept this")
        self.fields["accepted"].error_messages["required"] = _("Without this no account can be made.")
        if settings.REGISTRATION != "token":
            del self.fields["token"]
        if not has_documents:
            del self.fields["accepted"]


class SignUpForm(NewAccountForm):
    """A new account with a password."""

    password = _password_field(gettext_lazy("Password"), "new-password")
    email = _address_field(gettext_lazy("E-mail address"), required=False)
    field_order = ("username", "password", "email", "token", "accepted")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = words.password_rules()
        self.fields["email"].help_text = _("With it you can set a new password when you have forgotten yours.")
        self.fields["email"].required = settings.REGISTRATION_EMAIL == "required"
        if settings.REGISTRATION_EMAIL == "off":
            del self.fields["email"]
