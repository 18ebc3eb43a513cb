"""The calls below /_synapse/mas/ (matrix-oauth.md §8). Each is idempotent and outside any transaction.

`localpart` is the account's name. The shared secret is sent as a bearer token and stands nowhere else.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from accounts.homeserver import transport

_BASE = "/_synapse/mas/"
_LONGEST_DEVICE_NAME = 100  # characters; Synapse refuses longer ones


class CallFailed(Exception):
    """A call that did not do what it should. `status` is 0 without an answer; `errcode` is Synapse's word."""

    def __init__(self, call: str, status: int = 0, errcode: str = "") -> None:
        self.call, self.status, self.errcode = call, status, errcode
        super().__init__(f"{call}: {status or 'no answer'} {errcode}".strip())

    @property
    def is_everybodys(self) -> bool:
        """Whether the next call, about somebody else, would fail in the same way."""
        broken = self.status == 0 or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return broken or self.status in {401, 403, 429} or self.errcode == "M_UNRECOGNIZED"


class UserUnknown(CallFailed):
    """The homeserver has no user of this name."""


@dataclass(frozen=True, slots=True)
class HomeserverUser:
    """What the homeserver says of a user."""

    user_id: str
    display_name: str
    is_deactivated: bool
    is_suspended: bool


def is_localpart_available(localpart: str) -> str:
    """Whether the name is free there: "", else M_USER_IN_USE, M_INVALID_USERNAME or M_EXCLUSIVE."""
    try:
        _get("is_localpart_available", localpart)
    except CallFailed as failed:
        if failed.status == HTTPStatus.BAD_REQUEST and failed.errcode in {
            "M_USER_IN_USE",
            "M_INVALID_USERNAME",
            "M_EXCLUSIVE",
        }:
            return failed.errcode
        raise
    return ""


def query_user(localpart: str) -> HomeserverUser | None:
    """The user of this name, None when there is none."""
    try:
        found = _get("query_user", localpart)
    except UserUnknown:
        return None
    return HomeserverUser(
        user_id=str(found.get("user_id", "")),
        display_name=str(found.get("display_name") or ""),
        is_deactivated=bool(found.get("is_deactivated")),
        is_suspended=bool(found.get("is_suspended")),
    )


def provision_user(localpart: str, **changes: Any) -> bool:
    """Makes the user, or changes what is named of one; True when it is new.

    `set_displayname` or `unset_displayname`, `set_avatar_url` or `unset_avatar_url`, `set_emails` or `unset_emails`,
    `locked`; what is not named stays.
    """
    return _post("provision_user", localpart, **changes).status == HTTPStatus.CREATED


def upsert_device(localpart: str, device_id: str, display_name: str | None = None) -> bool:
    """Makes the device, or renames it if a name is given; True when it is new."""
    named = {} if display_name is None else {"display_name": display_name[:_LONGEST_DEVICE_NAME]}
    return _post("upsert_device", localpart, device_id=device_id, **named).status == HTTPStatus.CREATED


def update_device_display_name(localpart: str, device_id: str, display_name: str) -> None:
    """Renames the device."""
    shown = display_name[:_LONGEST_DEVICE_NAME]
    _post("update_device_display_name", localpart, device_id=device_id, display_name=shown)


def delete_device(localpart: str, device_id: str) -> None:
    """Ends the device; one that is not there is success."""
    _post("delete_device", localpart, device_id=device_id)


def sync_devices(localpart: str, devices: Iterable[str]) -> None:
    """Makes the user's devices exactly these: missing ones are made, all others end."""
    _post("sync_devices", localpart, devices=sorted(devices))


def set_displayname(localpart: str, displayname: str) -> None:
    """Sets the display name."""
    _post("set_displayname", localpart, displayname=displayname)


def unset_displayname(localpart: str) -> None:
    """Takes the display name away."""
    _post("unset_displayname", localpart)


def delete_user(localpart: str, *, erase: bool) -> None:
    """Deactivates the user; `erase` also hides what was written from those who join later."""
    _post("delete_user", localpart, erase=erase)


def reactivate_user(localpart: str) -> None:
    """Undoes `delete_user`, as far as it can be undone."""
    _post("reactivate_user", localpart)


def allow_cross_signing_reset(localpart: str) -> None:
    """Lets the user replace the keys of their identity, for ten minutes, without another proof."""
    _post("allow_cross_signing_reset", localpart)


def _get(call: str, localpart: str) -> dict[str, Any]:
    return _call("GET", call, f"{call}?{urlencode({'localpart': localpart})}", None).json


def _post(call: str, localpart: str, **members: Any) -> transport.Answer:
    return _call("POST", call, call, json.dumps({"localpart": localpart, **members}).encode())


def _call(method: str, call: str, target: str, body: bytes | None) -> transport.Answer:
    headers = {"Authorization": f"Bearer {settings.MATRIX_HOMESERVER_SECRET}", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        url = f"{settings.MATRIX_HOMESERVER_URL}{_BASE}{target}"
        answer = transport.ask(method, url, headers=headers, body=body, timeout=transport.TIMEOUT)
    except transport.NoAnswer as failure:
        raise CallFailed(call, errcode=str(failure)) from None
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    errcode = str(answer.json.get("errcode", ""))[:64]
    is_unknown = answer.status == HTTPStatus.NOT_FOUND and errcode == "M_NOT_FOUND"
    raise (UserUnknown if is_unknown else CallFailed)(call, answer.status, errcode)
