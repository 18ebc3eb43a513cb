"""The paths of the Laverna door (laverna.md §2–4). A trailing slash is an unknown path (one-origin.md §1)."""

from django.urls import re_path
from django.urls.resolvers import URLPattern

from challenges.openpgp import views
from challenges.openpgp.views import HotView

_READ = ("GET", "HEAD")

urlpatterns: list[URLPattern] = [
    re_path(r"^api/users\Z", views.UsersView.as_view()),
    re_path(r"^api/users/name/(?P<username>.+)\Z", views.NameView.as_view()),
    re_path(r"^api/users/fingerprint/(?P<fingerprint>.+)\Z", views.FingerprintView.as_view()),
    re_path(r"^api/users/me/keys\Z", views.OwnKeysView.as_view()),
    re_path(r"^api/users/me/keys/token\Z", views.OwnChallengeView.as_view()),
    re_path(r"^api/users/me/keys/(?P<fingerprint>[^/]+)/published\Z", views.PublishedView.as_view()),
    re_path(r"^api/token/(?P<username>.+)\Z", HotView.as_view(hot_methods=_READ, ends_with_name=True)),
    re_path(r"^api/auth\Z", HotView.as_view(hot_methods=("POST",))),
]
