"""The small API as a Django application."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Holds `/api/me`, the description of all APIs, and its pages."""

    name = "accounts.api"
    label = "small_api"
    verbose_name = "API"
