"""Pages of the Matrix door that ask who is signed in: below /account/, where cookies count (one-origin.md §1)."""

from django.urls import path

from accounts.matrix.views import sso

app_name = "matrix-sso"
urlpatterns = [
    path("sso/", sso.sign_on, name="sso"),
    path("sso/stage/", sso.stage, name="stage"),
]
