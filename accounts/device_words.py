"""Devices in words for the people whose they are."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts.models import Device

Text = str | Promise

DOORS: Mapping[str, Text] = {
    Device.Kind.MATRIX: gettext_lazy("Matrix"),
    Device.Kind.SESSION: gettext_lazy("Session"),
    Device.Kind.OTP: gettext_lazy("Code by e-mail"),
    Device.Kind.OPENPGP: gettext_lazy("Laverna"),
    Device.Kind.BROWSER: gettext_lazy("This site, in a browser"),
}
UNNAMED: Mapping[str, Text] = {
    Device.Kind.MATRIX: gettext_lazy("Matrix app"),
    Device.Kind.SESSION: gettext_lazy("Session app"),
    Device.Kind.OTP: gettext_lazy("Remembered sign-in"),
    Device.Kind.OPENPGP: gettext_lazy("Laverna app"),
    Device.Kind.BROWSER: gettext_lazy("Browser"),
}
