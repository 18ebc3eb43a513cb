"""Changing one's own password in the administration: by the verb, which ends the sessions of every door (R29).

Django's form would write the hash past `users.set_password` and leave `must_change_password` standing.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from unfold.forms import AdminOwnPasswordChangeForm

from accounts import users, words
from accounts.admin import reauthentication
from accounts.errors import Refusal
from accounts.models import User


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """The old password is asked under the allowance of the sign-in, the new one is set by the verb."""

    request: HttpRequest
    user: User

    def clean_old_password(self) -> str:
        """The right one, within the allowance."""
        old: str = self.cleaned_data["old_password"]
        try:
            reauthentication.require(self.request, old)
        except Refusal as refusal:
            raise forms.ValidationError(words.of(refusal)) from None
        return old

    def clean_new_password1(self) -> str:
        """Another one: a one-time password is not changed by being typed again."""
        new: str = self.cleaned_data["new_password1"]
        if new == self.cleaned_data.get("old_password"):
            raise forms.ValidationError("This is the old password.")
        return new

    def save(self, commit: bool = True) -> User:
        """Sets it, and notes it."""
        users.set_password(self.user, self.cleaned_data["new_password1"], actor=self.user)
        return self.user


class OwnPasswordView(PasswordChangeView):
    """Django's view with our form."""

    form_class = OwnPasswordForm

    def get_form(self, form_class: Any = None) -> Any:
        """The form asks under the address of the request."""
        form: Any = super().get_form(form_class)
        form.request = self.request
        return form


def _view(request: HttpRequest) -> HttpResponseBase:
    return OwnPasswordView.as_view(
        success_url=reverse("admin:password_change_done"),
        extra_context={**admin.site.each_context(request), "title": "Change your password"},
    )(request)


def urls() -> list[URLPattern]:
    """Found before unfold's own route of this name."""
    return [path("password_change/", admin.site.admin_view(_view), name="password_change")]
