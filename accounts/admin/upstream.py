"""Upstream providers: other sites whose accounts may sign in here (OpenID Connect)."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanWidget,
)

from accounts import upstream_providers
from accounts.admin import shown
from accounts.admin.base import HouseAdmin, administrator
from accounts.models import UpstreamProvider


class ProviderForm(forms.ModelForm):
    """A provider as its own pages describe it."""

    server_url = forms.CharField(
        label="Issuer",
        max_length=500,
        widget=UnfoldAdminURLInputWidget(),
        help_text="Such as https://login.example.org/realms/main; its /.well-known/openid-configuration is read.",
    )
    client_secret = forms.CharField(
        label="Client secret",
        max_length=1000,
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Kept encrypted and never shown again. Empty: as it is.",
    )
    trusts_addresses = forms.BooleanField(
        label="Trust its e-mail addresses",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="A new account gets the address that the provider calls verified, as a confirmed one.",
    )

    class Meta:
        model = UpstreamProvider
        fields = ("name", "provider_id", "server_url", "client_id", "client_secret", "trusts_addresses")
        labels: ClassVar = {"provider_id": "Short name", "client_id": "Client id"}
        help_texts: ClassVar = {
            "name": "On the button: “Continue with …”.",
            "provider_id": "Part of the redirect URI; small letters, digits and -. Cannot be changed later.",
            "client_id": "",
        }
        widgets: ClassVar = {
            "name": UnfoldAdminTextInputWidget(),
            "provider_id": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "client_id": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        if row.pk:
            self.fields["server_url"].initial = row.settings.get("server_url", "")
            self.fields["trusts_addresses"].initial = upstream_providers.trusts_addresses(row.settings)
            self.fields.pop("provider_id", None)

    def clean_provider_id(self) -> str:
        """A part of a path that no other provider has, nor a page of ours."""
        text: str = self.cleaned_data["provider_id"]
        if not text or not all(char.isascii() and (char.islower() or char.isdigit() or char == "-") for char in text):
            raise forms.ValidationError("Small letters, digits and - only.")
        if text == "new" or UpstreamProvider.objects.filter(provider_id=text).exists():
            raise forms.ValidationError("There is one of this short name.")
        return text

    def clean_server_url(self) -> str:
        """https, or this machine."""
        text: str = self.cleaned_data["server_url"].strip().rstrip("/")
        parts = urlsplit(text)
        is_near = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            raise forms.ValidationError("This is no issuer's URL.")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_near):
            raise forms.ValidationError("An issuer is reached over https.")
        return text


@admin.register(UpstreamProvider)
class UpstreamProviderAdmin(HouseAdmin):
    """Who is offered on the sign-in page."""

    can_add = can_change = can_delete = True
    form = ProviderForm
    list_display = ("name", "issuer", "client_id", "has_secret", "redirect_uri")
    search_fields = ("name", "provider_id")
    ordering = ("name", "pk")
    readonly_fields = ("redirect_uri",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """With the redirect URI once it is known; the short name only before."""
        own = ("name", "server_url", "client_id", "client_secret", "trusts_addresses")
        return ("name", "redirect_uri", *own[1:]) if obj else ("name", "provider_id", *own[1:])

    def save_model(self, request: HttpRequest, obj: UpstreamProvider, form: Any, change: bool) -> None:
        """By the verb, which seals the secret and writes the log."""
        given = form.cleaned_data
        upstream_providers.save(
            obj,
            server_url=given["server_url"],
            secret=given["client_secret"],
            trusts_addresses=given["trusts_addresses"],
            actor=administrator(request),
        )

    def delete_model(self, request: HttpRequest, obj: UpstreamProvider) -> None:
        """By the verb."""
        upstream_providers.remove(obj, actor=administrator(request))

    @display(description="Issuer")
    def issuer(self, row: UpstreamProvider) -> str:
        """Where its configuration is read."""
        return shown.text(row.settings.get("server_url", ""))

    @display(description="Secret")
    def has_secret(self, row: UpstreamProvider) -> str:
        """Whether there is one, never what it is."""
        return "kept" if upstream_providers.has_secret(row) else "none"

    @display(description="Redirect URI, to be given to the provider")
    def redirect_uri(self, row: UpstreamProvider) -> str:
        """Where the provider sends people back."""
        return shown.whole_code(f"{settings.PUBLIC_URL}/account/upstream/{row.provider_id}/callback/")
