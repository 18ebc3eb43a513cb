"""The paths of the small API (one-origin.md §1)."""

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("api/me", views.MeView.as_view()),
    path("api/schema/", views.SchemaView.as_view()),
    path("api/docs/", views.docs_page),
]
