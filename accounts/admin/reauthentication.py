"""Asking an administrator for the password again, before what reaches far (R47).

It has an allowance of its own, per account: whoever finds an open session cannot go on guessing here, and strangers
who fail at the sign-in page cannot use it up.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts import passwords, staff, throttle, words
from accounts.admin.base import administrator
from accounts.errors import Reason, Refusal
from accounts.http import client_address


def require(request: HttpRequest, password: str) -> None:
    """CREDENTIAL_WRONG, or RATE_LIMITED: then the right password is refused too (R38)."""
    user = administrator(request)
    limit = throttle.Limit.of("admin-password-asked", settings.ADMIN_LOGIN_RATE)
    try:
        throttle.peek(limit, str(user.pk))
        if not passwords.verify(user, password):
            throttle.hit(limit, str(user.pk))
            raise Refusal(Reason.CREDENTIAL_WRONG)
    except Refusal as refusal:
        ip = client_address(request)
        staff.note_refusal("admin-password-asked", refusal, name=user.username, ip=ip, actor=user)
        raise


class OwnPassword(forms.Form):
    """The administrator's own password; checked here when the form knows its request."""

    own_password = forms.CharField(
        label="Your own password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
        help_text="Asked again because this reaches far.",
    )

    def __init__(self, *args: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_own_password(self) -> str:
        """The right one, within the allowance."""
        text: str = self.cleaned_data["own_password"]
        if self.request is not None:
            check(self.request, text)
        return text


def check(request: HttpRequest, password: str) -> None:
    """`require` for forms."""
    try:
        require(request, password)
    except Refusal as refusal:
        raise forms.ValidationError(words.of(refusal)) from None
