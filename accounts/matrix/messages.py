"""What Matrix clients send, parsed (matrix.md §1, §3, §6). Pure: no Django, no clock, no settings.

Bodies are JSON whatever the Content-Type says; unknown keys are ignored, a known key with `null` counts as absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts import strict_json
from accounts.errors import Reason, Refusal
from accounts.matrix import identifiers

PASSWORD, TOKEN, SSO = "m.login.password", "m.login.token", "m.login.sso"
APPLICATION_SERVICE = "m.login.application_service"

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody claims to be: `kind` is user (a localpart or full id), email or msisdn."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants of the session it opens: its device, and whether it can refresh."""

    device_id: str = ""
    display_name: str = ""
    refresh: bool = False


def parse_body(body: bytes, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The members of a JSON object that are not null; MALFORMED or FIELD_TYPE."""
    if may_be_empty and not body.strip():
        return {}
    value = strict_json.parse(body)
    if not isinstance(value, dict):
        raise Refusal(Reason.FIELD_TYPE, field="body")
    return {key: member for key, member in value.items() if member is not None}


def text(fields: Fields, key: str) -> str | None:
    """A string, None when absent; FIELD_TYPE for anything else."""
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise Refusal(Reason.FIELD_TYPE, field=key)
    return value


def required_text(fields: Fields, key: str) -> str:
    """A string; FIELD_MISSING or FIELD_TYPE."""
    value = text(fields, key)
    if value is None:
        raise Refusal(Reason.FIELD_MISSING, field=key)
    return value


def flag(fields: Fields, key: str, *, default: bool = False) -> bool:
    """A boolean; FIELD_TYPE for anything else."""
    value = fields.get(key, default)
    if not isinstance(value, bool):
        raise Refusal(Reason.FIELD_TYPE, field=key)
    return value


def required_flag(fields: Fields, key: str) -> bool:
    """A boolean; FIELD_MISSING or FIELD_TYPE."""
    if key not in fields:
        raise Refusal(Reason.FIELD_MISSING, field=key)
    return flag(fields, key)


def number(fields: Fields, key: str) -> int:
    """A whole number that is not negative; FIELD_MISSING, FIELD_TYPE or FIELD_INVALID."""
    value = fields.get(key)
    if value is None:
        raise Refusal(Reason.FIELD_MISSING, field=key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(Reason.FIELD_TYPE, field=key)
    if value < 0:
        raise Refusal(Reason.FIELD_INVALID, field=key)
    return value


def texts(fields: Fields, key: str) -> list[str]:
    """A list of strings; FIELD_MISSING or FIELD_TYPE."""
    value = fields.get(key)
    if value is None:
        raise Refusal(Reason.FIELD_MISSING, field=key)
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise Refusal(Reason.FIELD_TYPE, field=key)
    return value


def login_type(fields: Fields) -> str:
    """The `type` of a login; FIELD_MISSING, or FIELD_INVALID for one that is not served (section 6)."""
    kind = fields.get("type")
    if kind is None:
        raise Refusal(Reason.FIELD_MISSING, field="type")
    if kind == APPLICATION_SERVICE:
        raise Refusal(Reason.FIELD_INVALID, field="type of application services")
    if kind not in (PASSWORD, TOKEN):  # a list is not hashable, and may be sent
        raise Refusal(Reason.FIELD_INVALID, field="type")
    return str(kind)


def claim(fields: Fields) -> Claim:
    """The `identifier` of a login or a password stage, or its forms of 2015 beside it (section 6)."""
    identifier = fields.get("identifier")
    if identifier is None:
        if "user" in fields:
            return Claim("user", required_text(fields, "user"))
        if "medium" in fields or "address" in fields:
            return _address(fields)
        raise Refusal(Reason.FIELD_MISSING, field="identifier")
    if not isinstance(identifier, dict):
        raise Refusal(Reason.FIELD_TYPE, field="identifier")
    match identifier.get("type"):
        case "m.id.user":
            return Claim("user", required_text(identifier, "user"))
        case "m.id.phone":
            return _phone(identifier)
        case "m.id.thirdparty":
            return _address(identifier)
        case None if identifier.get("medium") is not None:  # the specification's own example has no type
            return _address(identifier)
        case None:
            raise Refusal(Reason.FIELD_MISSING, field="identifier.type")
    raise Refusal(Reason.FIELD_INVALID, field="identifier")


def wish(fields: Fields) -> Wish:
    """What a login or registration says of the session to open."""
    device_id = identifiers.check_device_id(text(fields, "device_id") or "")
    shown = text(fields, "initial_device_display_name") or ""
    return Wish(device_id, shown[: identifiers.SHOWN_NAME], flag(fields, "refresh_token"))


def guest_wish(fields: Fields) -> Wish:
    """Of a guest's body only the device's name counts (section 7)."""
    return Wish(display_name=(text(fields, "initial_device_display_name") or "")[: identifiers.SHOWN_NAME])


def bearer_token(query: list[str], authorization: str | None) -> str:
    """The token of a request, from the header or the query (section 4); TOKEN_MISSING or TOKEN_UNKNOWN."""
    if authorization is None:
        if not query:
            raise Refusal(Reason.TOKEN_MISSING)
        token = query[0]
    else:
        scheme, _, token = authorization.partition(" ")
        if query or scheme.lower() != "bearer":
            raise Refusal(Reason.TOKEN_MISSING)
    if not token.strip() or len(query) > 1:
        raise Refusal(Reason.TOKEN_UNKNOWN)
    return token.strip()


def _address(fields: Fields) -> Claim:
    medium, address = required_text(fields, "medium"), required_text(fields, "address")
    return Claim(medium if medium in {"email", "msisdn"} else "other", address)


def _phone(fields: Fields) -> Claim:
    number = text(fields, "phone") or required_text(fields, "number")
    required_text(fields, "country")
    return Claim("msisdn", "".join(char for char in number if char.isdigit()))
