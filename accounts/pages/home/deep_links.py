"""Links of Matrix apps into the account: `/account/?action=…&device_id=…` (matrix-oauth.md §7, MSC4191)."""

from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import User
from accounts.pages.home import signed_in

_PAGES = {
    "profile": "pages:profile",
    "devices_list": "pages:devices",
    "sessions_list": "pages:devices",
    "account_deactivate": "pages:close",
    "cross_signing_reset": "pages:identity-reset",
}
_OF_DEVICES = {
    "device_view": "pages:device",
    "session_view": "pages:device",
    "device_delete": "pages:device-end",
    "session_end": "pages:device-end",
}


def target(action: str, device_id: str, *, user: User) -> str:
    """The path that the action means; "" for one that nobody knows. A device that is not there leads to the list.

    Older apps leave `org.matrix.` out.
    """
    name = action.removeprefix("org.matrix.")
    if name in _PAGES:
        return reverse(_PAGES[name])
    if name not in _OF_DEVICES:
        return ""
    ref = signed_in.ref_of_matrix(user, device_id) if device_id else ""
    if ref:
        return reverse(_OF_DEVICES[name], args=[ref])
    return f"{reverse('pages:devices')}?{urlencode({'missing': 1})}" if device_id else reverse("pages:devices")
