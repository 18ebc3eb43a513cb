"""The views of the Laverna door: parse, call the service, render (laverna.md §2, §6.11; one-origin.md §2)."""

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from accounts.hot import raw_path
from accounts.http import DoorView, client_address, response
from accounts.tokens import Bearer
from challenges.openpgp import described, directory, key_changes, linking, protocol, registration


class LavernaView(DoorView):
    """A view of the Laverna door."""

    wire = protocol.WIRE

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """A preflight is granted the headers it asks for (section 1)."""
        answer = response(self.wire.preflight(self.allowed_methods))
        wanted = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        for name, value in protocol.requested_headers(wanted).items():
            answer[name] = value
        return answer


class HotView(LavernaView):
    """A path whose own methods are hot routes. A name at its end has no slash of its own."""

    hot_methods: tuple[str, ...] = ()
    ends_with_name = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """PATH_UNKNOWN, whatever the method."""
        if self.ends_with_name:
            protocol.token_name(sent_path(request))

    @property
    def allowed_methods(self) -> list[str]:
        """What the hot route answers."""
        return list(self.hot_methods)


class UsersView(LavernaView):
    """POST /api/users."""

    @extend_schema(
        auth=[],
        request={"application/json": described.NewUser, "application/x-www-form-urlencoded": described.NewUser},
        responses={200: described.Message, 400: OpenApiResponse(described.Message, "Why not, in a sentence")},
    )
    def post(self, request: Request) -> HttpResponse:
        """Makes an account with this name, which the key opens."""
        registration.register(fields(request), ip=client_address(request))
        return self.answer({"message": "Registered a new user."})


class NameView(LavernaView):
    """The person of a name."""

    @extend_schema(auth=[], responses={200: described.Person, 404: described.Message})
    def get(self, request: Request, username: str) -> HttpResponse:
        """The key of the person with this name, in any case."""
        person = directory.by_name(part(request, "/api/users/name/"), ip=client_address(request))
        return self.answer(person.render())

    @extend_schema(
        auth=[],
        request=described.SignedKey,
        responses={200: described.Message, 400: described.Message, 401: described.Message, 404: described.Message},
    )
    def put(self, request: Request, username: str) -> HttpResponse:
        """Replaces the key by a newer copy of the same primary key: another end, a revocation.

        `signature` is a cleartext-signed JSON object with a fresh `sessionToken`, `msg` `KEY_UPDATE_REQUEST` and
        `username`, signed with the key that is here, or with the newer copy where that one has expired. If the object
        has a `publicKey`, it is the uploaded text.
        """
        key_changes.renew(part(request, "/api/users/name/"), fields(request), ip=client_address(request))
        return self.answer({"message": "Updated the key."})

    @extend_schema(
        auth=[],
        request=described.SignedRequest,
        responses={200: described.Message, 401: described.Message, 404: described.Message},
    )
    def delete(self, request: Request, username: str) -> HttpResponse:
        """Removes the key and ends what it opened; the account ends if nothing else opens it.

        `signature` is a cleartext-signed JSON object with a fresh `sessionToken`, `msg` `DELETE_REQUEST` and
        `username`.
        """
        ended = key_changes.remove(part(request, "/api/users/name/"), fields(request), ip=client_address(request))
        return self.answer({"message": "Deleted the user." if ended else "Deleted the key."})


class FingerprintView(LavernaView):
    """The person of a key."""

    @extend_schema(auth=[], responses={200: described.Person, 404: described.Message})
    def get(self, request: Request, fingerprint: str) -> HttpResponse:
        """The person whose key has this fingerprint, in any case of hex."""
        text = part(request, "/api/users/fingerprint/")
        return self.answer(directory.by_fingerprint(text, ip=client_address(request)).render())


class OwnKeysView(LavernaView):
    """The keys of who asks, with an access token of any door."""

    @extend_schema(auth=described.BEARER, responses={200: described.Keys, 401: described.Message})
    def get(self, request: Request) -> HttpResponse:
        """The OpenPGP keys that open the account, the one added first at the head."""
        return self.answer({"keys": linking.keys(asker(request))})

    @extend_schema(
        auth=described.BEARER,
        request=described.SignedKey,
        responses={200: described.Key, 400: described.Message, 401: described.Message},
    )
    def post(self, request: Request) -> HttpResponse:
        """Adds a key to the account.

        `signature` is a cleartext-signed JSON object with a `sessionToken` of `/api/users/me/keys/token`, `msg`
        `KEY_ADD_REQUEST` and the account's `username`, signed with that key. A key that made an account of its own
        moves, and that account ends, unless something else opens it too.
        """
        return self.answer(linking.add(asker(request), fields(request), ip=client_address(request)))


class OwnChallengeView(LavernaView):
    """What a new key has to sign."""

    @extend_schema(auth=described.BEARER, request=None, responses={200: described.SessionToken, 401: described.Message})
    def post(self, request: Request) -> HttpResponse:
        """A session token for the account of who asks, also if it has no key yet."""
        return self.answer({"sessionToken": linking.challenge(asker(request), ip=client_address(request))})


class PublishedView(LavernaView):
    """Which key is served."""

    @extend_schema(
        auth=described.BEARER,
        request=None,
        responses={200: described.Key, 401: described.Message, 404: described.Message},
    )
    def put(self, request: Request, fingerprint: str) -> HttpResponse:
        """Serves this key in the directory from now on, and signs in with it; what the other one opened ends."""
        return self.answer(linking.publish(asker(request), fingerprint))


def fields(request: Request) -> Mapping[str, Any]:
    """The members of the body, in both forms."""
    return protocol.parse_fields(request._request.body, request.META.get("CONTENT_TYPE", ""))


def part(request: Request, prefix: str) -> str:
    """The name in the path, of which every slash has to be percent-encoded."""
    return protocol.last_part(sent_path(request), prefix)


def sent_path(request: Request) -> str:
    """The path, percent-encoded."""
    asgi = request._request
    assert isinstance(asgi, ASGIRequest)
    return raw_path(dict(asgi.scope))


def asker(request: Request) -> Bearer:
    """Who asks."""
    secret = protocol.bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
    return linking.bearer(secret, ip=client_address(request))
