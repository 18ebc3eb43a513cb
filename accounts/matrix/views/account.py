"""The account, its devices, its profile (matrix.md §10, §11, §16)."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.http import client_address
from accounts.matrix import account, discovery, messages, moderation, own_devices, profile, sessions
from accounts.matrix.views.base import MatrixView, bearer, fields, optional_bearer


class WhoAmIView(MatrixView):
    """The other methods of account/whoami, whose GET is a hot route."""

    @property
    def allowed_methods(self) -> list[str]:
        """What the hot route answers."""
        return ["GET", "HEAD"]


class PasswordView(MatrixView):
    """POST account/password."""

    def post(self, request: Request) -> HttpResponse:
        """Changes the password; without a token resets it by a proved address."""
        account.change_password(fields(request), bearer=optional_bearer(request), ip=client_address(request))
        return self.answer({})


class DeactivateView(MatrixView):
    """POST account/deactivate."""

    def post(self, request: Request) -> HttpResponse:
        """Ends the account for good."""
        asking = bearer(request)
        account.deactivate(fields(request, may_be_empty=True), bearer=asking, ip=client_address(request))
        return self.answer({"id_server_unbind_result": "success"})


class DevicesView(MatrixView):
    """GET devices."""

    def get(self, request: Request) -> HttpResponse:
        """All devices of the account."""
        return self.answer({"devices": own_devices.listed(bearer(request, guests=True))})


class DeviceView(MatrixView):
    """GET, PUT and DELETE devices/{id}."""

    def get(self, request: Request, device_id: str) -> HttpResponse:
        """One device."""
        return self.answer(own_devices.shown(bearer(request, guests=True), device_id))

    def put(self, request: Request, device_id: str) -> HttpResponse:
        """Renames it."""
        own_devices.rename(bearer(request), device_id, fields(request))
        return self.answer({})

    def delete(self, request: Request, device_id: str) -> HttpResponse:
        """Ends it, after a proof."""
        asking = bearer(request)
        own_devices.delete(asking, device_id, fields(request, may_be_empty=True), ip=client_address(request))
        return self.answer({})


class DeleteDevicesView(MatrixView):
    """POST delete_devices."""

    def post(self, request: Request) -> HttpResponse:
        """Ends several, after one proof."""
        asking = bearer(request)
        own_devices.delete_many(asking, fields(request), ip=client_address(request))
        return self.answer({})


class CapabilitiesView(MatrixView):
    """GET capabilities."""

    def get(self, request: Request) -> HttpResponse:
        """What the account may do here."""
        asking = bearer(request, guests=True)
        on_page = sessions.is_oauth(asking)
        return self.answer(discovery.capabilities(administrator=asking.administrator, on_page=on_page))


class ProfileView(MatrixView):
    """GET profile/{user}; other profile fields are a homeserver's."""

    def get(self, request: Request, user_id: str) -> HttpResponse:
        """The display name; absent while there is none."""
        name = profile.display_name(user_id)
        return self.answer({"displayname": name} if name else {})


class DisplayNameView(MatrixView):
    """GET and PUT profile/{user}/displayname."""

    def get(self, request: Request, user_id: str) -> HttpResponse:
        """The display name; absent while there is none."""
        name = profile.display_name(user_id)
        return self.answer({"displayname": name} if name else {})

    def put(self, request: Request, user_id: str) -> HttpResponse:
        """Sets one's own."""
        profile.set_display_name(bearer(request, guests=True), user_id, fields(request))
        return self.answer({})


class LockView(MatrixView):
    """GET and PUT v1/admin/lock/{user}."""

    def get(self, request: Request, user_id: str) -> HttpResponse:
        """Whether the account is locked."""
        return self.answer({"locked": moderation.is_locked(bearer(request), user_id)})

    def put(self, request: Request, user_id: str) -> HttpResponse:
        """Locks or unlocks."""
        asking = bearer(request)
        locked = messages.required_flag(fields(request), "locked")
        moderation.lock(asking, user_id, locked=locked)
        return self.answer({"locked": locked})


class SuspendView(MatrixView):
    """GET and PUT v1/admin/suspend/{user}."""

    def get(self, request: Request, user_id: str) -> HttpResponse:
        """Whether the account is suspended."""
        return self.answer({"suspended": moderation.is_suspended(bearer(request), user_id)})

    def put(self, request: Request, user_id: str) -> HttpResponse:
        """Suspends, or ends a suspension."""
        asking = bearer(request)
        suspended = messages.required_flag(fields(request), "suspended")
        moderation.suspend(asking, user_id, suspended=suspended)
        return self.answer({"suspended": suspended})
