"""The path to which other sites send people back, under the name by which django-allauth asks for it."""

from django.urls import path

from accounts.pages.views import upstream

urlpatterns = [path("upstream/<slug:provider_id>/callback/", upstream.callback, name="openid_connect_callback")]
