"""What a client signs: the JSON texts of this door (laverna.md §4, §6.11; one-origin.md §2, "Linking"). Pure.

Only the text that the verifier gives back is read here, never what stood in the request (R32).
"""

from dataclasses import dataclass

from accounts import strict_json
from accounts.errors import Reason, Refusal

SIGN_IN = "SIGNAL_AUTH_REQUEST"
DELETE = "DELETE_REQUEST"
UPDATE = "KEY_UPDATE_REQUEST"
ADD = "KEY_ADD_REQUEST"


@dataclass(frozen=True, slots=True)
class Payload:
    """The members that count. `public_key` is whatever was sent as such: a login ignores it."""

    session_token: str
    public_key: object


def read(text: str, *, msg: str, username: str) -> Payload:
    """The signed text as an answer of this user (folded name) to a challenge for `msg`; CREDENTIAL_WRONG otherwise.

    Other members are allowed, and so is any order.
    """
    try:
        value = strict_json.parse(text.encode("utf-8", "surrogatepass"))
    except Refusal as refusal:
        raise _wrong("the signed text is no JSON") from refusal
    if not isinstance(value, dict):
        raise _wrong("the signed text is no object")
    name, token = value.get("username"), value.get("sessionToken")
    if not isinstance(name, str) or name.lower() != username:
        raise _wrong("another user name")
    if value.get("msg") != msg:
        raise _wrong("another msg")
    if not isinstance(token, str):
        raise _wrong("no session token")
    return Payload(token, value.get("publicKey"))


def _wrong(detail: str) -> Refusal:
    return Refusal(Reason.CREDENTIAL_WRONG, field="signature", detail=detail)
