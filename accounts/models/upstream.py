"""Sites whose accounts may sign in here, under the name people use for them."""

from allauth.socialaccount.models import SocialApp


class UpstreamProvider(SocialApp):
    """django-allauth's row of an OpenID Connect provider; verbs are in `upstream_providers.py`."""

    class Meta:
        proxy = True
        verbose_name = "upstream provider"

    def __str__(self) -> str:
        return str(self.name)
