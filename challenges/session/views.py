"""The views of the Session door: parse, call the service, render (session-open-group.md §4, §6.3)."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from accounts.errors import Reason, Refusal
from accounts.http import DoorView, client_address
from challenges.session import messages, moderation, protocol, services


class ChallengeView(DoorView):
    """The challenge calls but for their own methods, which are hot routes (sections 4.1 and 4.2)."""

    wire = messages.PLAIN
    hot_methods: tuple[str, ...] = ()

    @property
    def allowed_methods(self) -> list[str]:
        """What the hot route answers."""
        return list(self.hot_methods)


class TokenView(DoorView):
    """DELETE /token (section 4.6). GET and HEAD are a hot route, POST belongs to OAuth."""

    wire = messages.TOKEN

    def delete(self, request: Request) -> HttpResponse:
        """Ends the token."""
        services.end_token(access_token(request), ip=client_address(request))
        return self.answer(messages.envelope([]))

    @property
    def allowed_methods(self) -> list[str]:
        """All methods of the path, whoever owns them (one-origin.md §1)."""
        return ["GET", "HEAD", "DELETE", "POST"]

    def post(self, request: Request) -> HttpResponse:
        """While OAuth is not open its alias is an unknown path."""
        raise Refusal(Reason.PATH_UNKNOWN)


class UserInfoView(DoorView):
    """GET /loki/v1/user_info (section 4.4)."""

    wire = messages.APPNET

    def get(self, request: Request) -> HttpResponse:
        """What the token is and whether its bearer moderates."""
        bearer = services.bearer(access_token(request), ip=client_address(request))
        return self.answer(
            messages.user_info_body(
                services.owner(bearer),
                issued_at=bearer.issued_at,
                expires_at=bearer.expires_at,
                moderator_status=moderation.status(bearer.credential),
            )
        )


class ProfileView(DoorView):
    """PATCH /users/me (section 4.5)."""

    wire = messages.PROFILE

    def patch(self, request: Request) -> HttpResponse:
        """Sets the display name; other members are accepted and not kept."""
        bearer = services.bearer(access_token(request), ip=client_address(request))
        fields = protocol.parse_object(request._request.body, request.META.get("CONTENT_TYPE", ""))
        name = fields.get("name")
        if name is not None and not isinstance(name, str):
            raise Refusal(Reason.FIELD_INVALID, field="name")
        owner = services.set_name(bearer, name=name)
        return self.answer(messages.envelope(messages.user_object(owner)))


class ModerationView(DoorView):
    """A moderator's call on an account or key (section 6.3)."""

    wire = messages.MODERATION
    list_name = ""

    def post(self, request: Request, identifier: str) -> HttpResponse:
        """Bans, whitelists, or makes a moderator."""
        actor = moderation.require_global(access_token(request), ip=client_address(request))
        moderation.put_on(self.list_name, identifier, actor=actor)
        return self.answer(messages.envelope([]))

    def delete(self, request: Request, identifier: str) -> HttpResponse:
        """Undoes the same."""
        actor = moderation.require_global(access_token(request), ip=client_address(request))
        moderation.take_off(self.list_name, identifier, actor=actor)
        return self.answer(messages.envelope([]))


class ChannelModeratorsView(DoorView):
    """GET /loki/v1/channels/:n/moderators and its old form: public (section 6.3)."""

    wire = messages.MODERATION

    def get(self, request: Request, number: str) -> HttpResponse:
        """The keys that moderate, bare."""
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            raise Refusal(Reason.FIELD_MISSING, field="id")
        return self.answer({"moderators": moderation.of_channel(int(number))})


def access_token(request: Request) -> str:
    """The token of a request, from the query or the header."""
    query = request.GET.getlist("access_token") if settings.SESSION_TOKEN_IN_URL else []
    return protocol.parse_access_token(query, request.META.get("HTTP_AUTHORIZATION", ""))
