"""All paths: one line per flow. Who owns what, and how it errs, is `idp/origin.py`."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from accounts.matrix.protocol import WIRE as MATRIX
from challenges.otp.views import RefreshView
from devicelogin.oauth.views import IssuerView, MetadataView
from idp import views
from idp.shared_paths import by_method

urlpatterns = [
    path("", views.front_page, name="front-page"),
    path(settings.ADMIN_PATH, admin.site.urls),
    path(settings.ADMIN_PATH.rstrip("/"), views.to_admin),
    path("", include("accounts.api.urls")),
    path("api/token/refresh", by_method("POST", RefreshView)),
    re_path(r"^_matrix/client/(?:v1|unstable/org\.matrix\.msc2965)/auth_metadata\Z", MetadataView.as_view(wire=MATRIX)),
    re_path(r"^_matrix/client/unstable/org\.matrix\.msc2965/auth_issuer\Z", IssuerView.as_view(wire=MATRIX)),
    path("", include("accounts.matrix.urls")),
    path("", include("devicelogin.oauth.urls")),
    path("", include("devicelogin.oauth.pages.urls")),
    path("account/", include("accounts.matrix.account_urls")),
    path("account/", include("accounts.pages.urls")),
    path("account/", include("accounts.pages.upstream_urls")),
    path("", include("challenges.session.urls")),
    path("", include("challenges.otp.urls")),
    path("", include("challenges.openpgp.urls")),
    path("", include("devicelogin.rendezvous.demo.urls")),
    re_path(r"^.*\Z", views.unknown_path),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
