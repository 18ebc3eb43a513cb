"""The pages of OAuth as a Django application: so their templates, scripts and languages are found."""

from django.apps import AppConfig


class OAuthPagesConfig(AppConfig):
    """Without tables."""

    name = "devicelogin.oauth.pages"
    label = "oauth_pages"
    verbose_name = "OAuth pages"
