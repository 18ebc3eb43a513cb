"""All paths: one line per flow. Who owns what, and how it errs, is `idp/origin.py`."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from challenges.otp.views import RefreshView
from idp import views
from idp.shared_paths import by_method

urlpatterns = [
    path("", views.front_page, name="front-page"),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path(settings.ADMIN_PATH, admin.site.urls),
    path(settings.ADMIN_PATH.rstrip("/"), views.to_admin),
    path("", include("accounts.api.urls")),
    path("api/token/refresh", by_method("POST", RefreshView)),
    path("", include("accounts.matrix.urls")),
    path("", include("challenges.session.urls")),
    path("", include("challenges.otp.urls")),
    re_path(r"^.*\Z", views.unknown_path),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
