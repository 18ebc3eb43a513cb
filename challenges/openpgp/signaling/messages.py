"""The events of the signaling room: what clients send, parsed; what they are sent, encoded (laverna.md §5). Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from challenges.openpgp.signaling.exact_json import Members

SEND_INVITE, REMOVE_INVITE, BLOCK_USER, UNBLOCK_USER = "sendInvite", "removeInvite", "blockUser", "unblockUser"
REQUEST_OFFERS, SEND_OFFER, SEND_SIGNAL = "requestOffers", "sendOffer", "sendSignal"
INVITE, REQUEST_OFFER, OFFER, SIGNAL = "invite", "requestOffer", "offer", "signal"

EMPTY = "Username/token/deviceId is empty"
REFUSED = "Authentication error"
MOST_USERS = 200
_MOST_ELEMENTS = 1000  # of a list with repetitions
_LONGEST_NAME = 255
_LONGEST_DEVICE_ID = 128
_BLANKS = " \t\n\r\v\f\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
"""What the application's `trim` takes off."""
_NEVER = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Malformed(ValueError):
    """An event whose data is not what the event needs; the text is for its sender."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """Who wants to come in: as they said it, the name folded."""

    username: str
    device_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Address:
    """Somebody's device; `device_id` is "" for all of them. The name is folded, `given` is how it was written."""

    username: str
    device_id: str
    given: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """`sendInvite`."""

    username: str
    signature: str


@dataclass(frozen=True, slots=True)
class Relayed:
    """`sendSignal`: the signal and its signature are JSON texts, exactly as they came."""

    signal: str
    signature: str
    to: Address


def handshake(username: object, device_id: object, token: object) -> Handshake:
    """Malformed with the texts of the original: EMPTY, or REFUSED for what can be nobody's."""
    texts = [value.strip(_BLANKS) if isinstance(value, str) else value for value in (username, device_id, token)]
    if any(text is None or text == "" for text in texts):
        raise Malformed(EMPTY)
    try:
        return Handshake(_name(texts[0]), _device_id(texts[1]), _text(texts[2], "token"))
    except Malformed:
        raise Malformed(REFUSED) from None


def user(data: object) -> str:
    """`{username}`, as several events send it; folded."""
    return _name(_members(data).get("username"))


def invitation(data: object) -> Invitation:
    """`{username, signature}`."""
    members = _members(data)
    signature = _text(members.get("signature"), "signature")
    return Invitation(_name(members.get("username")), signature)


def address(data: object) -> Address:
    """`{username, deviceId}`."""
    members = _members(data)
    given = members.get("username")
    return Address(_name(given), _device_id(members.get("deviceId")), str(given))


def relayed(data: object) -> Relayed:
    """`{signal, signature, to: {username, deviceId}}`."""
    members = _members(data)
    if "signal" not in members:
        raise Malformed("signal is missing")
    if not isinstance(members.get("signature"), str):
        raise Malformed("signature is not a text")
    return Relayed(members.raw["signal"], members.raw["signature"], address(members.get("to")))


def users(data: object) -> list[Address]:
    """`{users: […]}` of names and of `{username, deviceId}`, each once; what is neither is left out.

    Malformed when nothing usable is in a list that is not empty, and for more than MOST_USERS.
    """
    given = _members(data).get("users")
    if not isinstance(given, list):
        raise Malformed("users is not a list")
    if len(given) > _MOST_ELEMENTS:
        raise Malformed("too many users")
    found = {(one.username, one.device_id): one for one in map(_addressee, given) if one is not None}
    if given and not found:
        raise Malformed("no user is named")
    if len({one.username for one in found.values()}) > MOST_USERS or len(found) > 2 * MOST_USERS:
        raise Malformed("too many users")
    return list(found.values())


def _addressee(given: object) -> Address | None:
    try:
        if isinstance(given, str):
            return Address(_name(given), "", given)
        if isinstance(given, dict):
            device_id = given.get("deviceId")
            name = given.get("username")
            return Address(_name(name), _device_id(device_id) if device_id else "", str(name))
    except Malformed:
        pass
    return None


def _members(data: object) -> Members:
    if not isinstance(data, Members | dict):
        raise Malformed("the event has no object")
    return data if isinstance(data, Members) else Members(data)


def _name(value: object) -> str:
    text = _text(value, "username").strip(_BLANKS)
    if not text or len(text) > _LONGEST_NAME or _NEVER.search(text):
        raise Malformed("username is not acceptable")
    return text.lower()


def _device_id(value: object) -> str:
    text = _text(value, "deviceId").strip(_BLANKS)
    if not text or len(text) > _LONGEST_DEVICE_ID or _NEVER.search(text):
        raise Malformed("deviceId is not acceptable")
    return text


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is missing")
    return value


# What clients are sent: the data as JSON text, and the two forms of an event


def identity(username: str, device_id: str) -> str:
    """Who a socket is, as others see it."""
    return dumps({"username": username, "deviceId": device_id})


def invite(*, signature: str, username: str, fingerprint: str, armored: str) -> str:
    """The data of `invite`: the sender's signed text, and the sender's key of today."""
    facts = {"signature": signature, "username": username, "fingerprint": fingerprint, "publicKey": armored}
    return dumps(facts)


def offer(user: str, *, initiator: bool) -> str:
    """The data of `offer`, with the identity of the other side."""
    return f'{{"user":{user},"initiator":{"true" if initiator else "false"}}}'


def signal(message: Relayed, sender: str) -> str:
    """The data of `signal`: texts put beside texts, nothing is encoded anew."""
    return f'{{"signal":{message.signal},"signature":{message.signature},"from":{sender}}}'


def packet(event: str, data: str) -> str:
    """An event as a Socket.IO packet."""
    return f'2["{event}",{data}]'


def framed(event: str, data: str) -> str:
    """An event as a frame of the plain websocket."""
    return f'{{"event":"{event}","data":{data}}}'


def dumps(value: Mapping[str, Any]) -> str:
    """JSON text of values that hold no lone surrogate."""
    return orjson.dumps(value).decode()
