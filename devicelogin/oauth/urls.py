"""The paths of OAuth (matrix-oauth.md §9); those below /_matrix/ are in the roof, because they err as Matrix does."""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from devicelogin.oauth import protocol, views

_hot = views.HotView.as_view

urlpatterns: list[URLPattern] = [
    re_path(r"^\.well-known/(?:openid-configuration|oauth-authorization-server)\Z", views.MetadataView.as_view()),
    path("oauth2/registration", views.RegistrationView.as_view()),
    path("oauth2/revoke", views.RevocationView.as_view()),
    path("oauth2/userinfo", views.UserInfoView.as_view()),
    path("oauth2/keys.json", views.KeysView.as_view()),
    path("oauth2/token", _hot(wire=protocol.TOKEN_WIRE)),
    path("oauth2/device", _hot()),
    path("auth/device", _hot()),
    path("oauth2/introspect", _hot(wire=protocol.INTROSPECTION_WIRE)),
]
