"""User ids, device ids, addresses and other names as Matrix writes them (matrix.md §3). Pure."""

import re
import secrets
import string

from accounts.errors import Reason, Refusal

_OPAQUE = re.compile(r"[0-9A-Za-z.=_-]{1,255}")
LONGEST_DEVICE_ID = 512
SHOWN_NAME = 100  # characters of a device's display name


def user_id(localpart: str, server_name: str) -> str:
    """The full id: `@localpart:server_name`."""
    return f"@{localpart}:{server_name}"


def localpart(text: str, server_name: str) -> str | None:
    """The name in a localpart or full user id; None for an id of another server or no id at all."""
    if not text.startswith("@"):
        return text
    name, colon, server = text[1:].partition(":")
    return name if colon and server == server_name else None


def check_device_id(text: str) -> str:
    """The id itself; FIELD_INVALID when it is longer than 512 characters or cannot be shown."""
    if len(text) > LONGEST_DEVICE_ID or not text.isprintable():
        raise Refusal(Reason.FIELD_INVALID, field="device_id")
    return text


def new_device_id() -> str:
    """Ten random capitals."""
    return "".join(secrets.choice(string.ascii_uppercase) for _ in range(10))


def check_opaque(text: str, field: str) -> str:
    """A session, sid or client secret: 1–255 of `[0-9a-zA-Z.=_-]`, else FIELD_INVALID."""
    if not _OPAQUE.fullmatch(text):
        raise Refusal(Reason.FIELD_INVALID, field=field)
    return text


def new_opaque() -> str:
    """A new session id: 24 random letters."""
    return "".join(secrets.choice(string.ascii_letters) for _ in range(24))
