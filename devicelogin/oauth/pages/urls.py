"""The paths of the pages of OAuth (one-origin.md §1). People type /link: with a last slash it works too."""

from django.urls import path, re_path

from devicelogin.oauth.pages.views import consent, link, scan

app_name = "oauth-pages"
urlpatterns = [
    path("authorize", consent.authorize, name="authorize"),
    path("authorize/<str:handle>", consent.consent, name="consent"),
    path("link", link.link, name="link"),
    re_path(r"^link/\Z", link.link),
    path("link/scan", scan.scan, name="scan"),
    path("link/decide", link.decide, name="decide"),
]
