"""django-allauth speaks OpenID Connect with the other site; who is signed in here is decided here.

The library's own flow would sign in with Django's user session and make accounts past the verbs, so it ends at this
adapter: with an identity, or with an error (`SOCIALACCOUNT_ADAPTER`).
"""

from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.http import HttpRequest

from accounts import upstream_providers
from accounts.errors import Reason, Refusal
from accounts.pages import upstream


class UpstreamAdapter(DefaultSocialAccountAdapter):
    """The library's hooks, filled in."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        """The configured providers, with their secrets unsealed."""
        return upstream_providers.with_secrets(super().list_apps(request, provider=provider, client_id=client_id))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
        """The other site has said who it is: the library stops here, our verbs go on."""
        from accounts.pages.views import upstream as views  # noqa: PLC0415  # the views ask for this adapter

        try:
            response = views.arrived(request, upstream.identity_of(sociallogin), sociallogin.state)
        except Refusal as refusal:
            response = views.failed(request, refusal)
        raise ImmediateHttpResponse(response)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> NoReturn:
        """Cancelled there, an old or foreign answer, or a site that does not answer."""
        from accounts.pages.views import upstream as views  # noqa: PLC0415

        reason = Reason.CHALLENGE_INVALID if exception is None else Reason.UNAVAILABLE
        detail = type(exception).__name__ if exception else str(error)
        raise ImmediateHttpResponse(views.failed(request, Refusal(reason, detail=detail)))
