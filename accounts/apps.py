"""The ground floor as a Django application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Models and verbs that every door stands on."""

    name = "accounts"
    verbose_name = "Latchkey"
