"""The pages of people as a Django application."""

from django.apps import AppConfig


class PagesConfig(AppConfig):
    """Sign-in, sign-up, second factors: everything a person sees below /account/."""

    name = "accounts.pages"
    label = "pages"
    verbose_name = "Sign-in pages"
