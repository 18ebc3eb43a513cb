"""Forms of accounts: what a verb would refuse is told at its field, in words."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts import emails, names, passwords, patterns, users, words
from accounts.admin import reauthentication
from accounts.admin.reauthentication import OwnPassword
from accounts.errors import Reason, Refusal
from accounts.models import User


def said(check: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What the check answers; its refusal becomes a form error."""
    try:
        return check(*args, **kwargs)
    except Refusal as refusal:
        raise forms.ValidationError(words.of(refusal)) from None


def free_name(text: str) -> str:
    """The folded name if an administrator may give it to an account."""
    folded = names.fold(text.strip())
    said(names.check_new, folded, by_administrator=True)
    if users.find(folded) is not None:
        raise forms.ValidationError(words.of(Refusal(Reason.NAME_TAKEN)))
    return folded


def free_address(text: str) -> str:
    """The canonical address if it opens no account yet."""
    address: str = said(patterns.email_address, text.strip())
    if emails.owner(address) is not None:
        raise forms.ValidationError(words.of(Refusal(Reason.CREDENTIAL_TAKEN)))
    return address


def good_password(text: str, username: str) -> str:
    """The password if it satisfies the policy."""
    complaint = passwords.weakness(said(passwords.prepare, text), username=username)
    if complaint:
        raise forms.ValidationError(f"This password cannot be used: {complaint}.")
    return text


def password_field(label: str, **options: Any) -> forms.CharField:
    """A password; browsers are told that it is a new one."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, strip=False, widget=widget, **options)


class AddAccount(forms.ModelForm):
    """A new account; everything but the name may be left out."""

    username = forms.CharField(
        label="Name",
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        help_text="The same name at every door. Letters, digits and . _ = / + - ; stored in lower case.",
    )
    display_name = forms.CharField(
        required=False, max_length=256, widget=UnfoldAdminTextInputWidget(), help_text="What others see."
    )
    email = forms.CharField(
        label="E-mail address",
        required=False,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
        help_text="Counts as confirmed. Without one the account can sign in everywhere but by e-mail code.",
    )
    password = password_field(
        "Password", required=False, help_text="Empty: nothing opens the account until a password is set."
    )
    must_change_password = forms.BooleanField(
        label="Must choose a new password at the first sign-in", required=False, widget=UnfoldBooleanWidget()
    )
    administrator = forms.BooleanField(
        label="Administrator",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="May use these pages, all of them.",
    )
    own_password = forms.CharField(
        label="Your own password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
        help_text="Asked again when you make an administrator.",
    )

    class Meta:
        model = User
        fields = ("username", "display_name")

    request: HttpRequest

    def clean_username(self) -> str:
        """The folded name."""
        return free_name(self.cleaned_data["username"])

    def clean_email(self) -> str:
        """The canonical address, which must be nobody's."""
        return free_address(self.cleaned_data["email"]) if self.cleaned_data["email"] else ""

    def clean_password(self) -> str:
        """A password that satisfies the policy, or none."""
        text: str = self.cleaned_data["password"]
        return good_password(text, self.cleaned_data.get("username", "")) if text else ""

    def clean(self) -> dict[str, Any]:
        """An administrator signs in with a password."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("administrator") and not cleaned.get("password") and "password" not in self.errors:
            self.add_error("password", "An administrator needs a password to sign in here.")
        if cleaned.get("administrator") and not self.errors:
            try:
                reauthentication.check(self.request, cleaned["own_password"])
            except forms.ValidationError as error:
                self.add_error("own_password", error)
        return cleaned


class SetPassword(OwnPassword):
    """A new password for somebody else's account."""

    password = password_field("New password")
    again = password_field("The same again")
    must_change = forms.BooleanField(
        label="Must choose a new one at the next sign-in", required=False, widget=UnfoldBooleanWidget()
    )

    def __init__(self, *args: Any, username: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.username = username
        self.fields["password"].help_text = passwords.PolicyValidator().get_help_text()

    def clean_password(self) -> str:
        """A password that satisfies the policy."""
        return good_password(self.cleaned_data["password"], self.username)

    def clean(self) -> dict[str, Any]:
        """Typed twice the same."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "password" in cleaned and cleaned["password"] != cleaned.get("again"):
            self.add_error("again", "The two passwords differ.")
        return cleaned


class AddAddress(OwnPassword):
    """An address for somebody else's account."""

    email = forms.CharField(
        label="E-mail address", widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off", "class": "max-w-2xl"})
    )
    field_order = ("email", "own_password")

    def clean_email(self) -> str:
        """The canonical address, which must be nobody's."""
        return free_address(self.cleaned_data["email"])


class Rename(forms.Form):
    """The one new name of an account that is named by its key."""

    username = forms.CharField(label="New name", max_length=255, widget=UnfoldAdminTextInputWidget())

    def clean_username(self) -> str:
        """The folded name."""
        return free_name(self.cleaned_data["username"])
