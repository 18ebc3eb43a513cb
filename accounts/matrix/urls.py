"""The paths of the Matrix door (matrix.md §1, §17). No path has a trailing slash, none redirects."""

from collections.abc import Callable
from typing import Any

from django.urls import re_path
from django.urls.resolvers import URLPattern

from accounts.matrix import page_urls, threepid_urls
from accounts.matrix.views import account, discovery, login, registration

_View = Callable[..., Any]

# Prefixes below /_matrix/client/. v3 and r0 are the same handler, unstable too.
_CURRENT = "r0|v3|unstable"
_AND_2014 = f"{_CURRENT}|api/v1"
_TOKENREFRESH = "r0|v2_alpha|api/v1|unstable"


def under(prefixes: str, route: str, view: _View) -> URLPattern:
    """One route below these prefixes of the client API."""
    return re_path(rf"^_matrix/client/(?:{prefixes})/{route}\Z", view)


_LOGIN = [
    under(_AND_2014, "login", login.LoginView.as_view()),
    under(_AND_2014, "login/sso/redirect", login.SSOView.as_view()),
    under(_AND_2014, "login/sso/redirect/(?P<provider_id>.+)", login.SSOView.as_view()),
    under("v1", "login/get_token", login.LoginTokenView.as_view()),
    under("unstable", r"org\.matrix\.msc3882/login/token", login.LoginTokenView.as_view()),
    under(_CURRENT, "refresh", login.RefreshView.as_view()),
    under("unstable", r"org\.matrix\.msc2918\.refresh_token/refresh", login.RefreshView.as_view()),
    under(_TOKENREFRESH, "tokenrefresh", login.TokenRefreshView.as_view()),
    under(_AND_2014, "logout", login.LogoutView.as_view()),
    under(_AND_2014, "logout/all", login.LogoutView.as_view(everywhere=True)),
]
_REGISTRATION = [
    under(_CURRENT, "register", registration.RegisterView.as_view()),
    under(_CURRENT, "register/available", registration.AvailableView.as_view()),
    under("v1", r"register/m\.login\.registration_token/validity", registration.TokenValidityView.as_view()),
]
_ACCOUNT = [
    under(_CURRENT, "account/whoami", account.WhoAmIView.as_view()),
    under(_CURRENT, "account/password", account.PasswordView.as_view()),
    under(_CURRENT, "account/deactivate", account.DeactivateView.as_view()),
    under(_CURRENT, "devices", account.DevicesView.as_view()),
    under(_CURRENT, "devices/(?P<device_id>.+)", account.DeviceView.as_view()),
    under(_CURRENT, "delete_devices", account.DeleteDevicesView.as_view()),
    under(_CURRENT, "capabilities", account.CapabilitiesView.as_view()),
    under(_AND_2014, "profile/(?P<user_id>.+)/displayname", account.DisplayNameView.as_view()),
    under(_AND_2014, "profile/(?P<user_id>.+)", account.ProfileView.as_view()),
    under("v1", "admin/lock/(?P<user_id>.+)", account.LockView.as_view()),
    under("v1", "admin/suspend/(?P<user_id>.+)", account.SuspendView.as_view()),
]

urlpatterns: list[URLPattern] = [
    re_path(r"^_matrix/client/versions\Z", discovery.VersionsView.as_view()),
    re_path(r"^\.well-known/matrix/client\Z", discovery.WellKnownView.as_view()),
    *_LOGIN,
    *_REGISTRATION,
    *_ACCOUNT,
    *threepid_urls.urlpatterns,
    *page_urls.urlpatterns,
]
