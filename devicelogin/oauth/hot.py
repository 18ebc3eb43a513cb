"""The hot routes of OAuth: tokens, device codes, introspection (architecture.md §5).

A device that waits asks again and again, and a homeserver asks about every token it is shown: both are answered on
the event loop where that needs no write (`accounts.quick_look`).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from accounts import minting, quick_look, tokens
from accounts.errors import Reason, Refusal
from accounts.hot import Asked, HotRoute, QuickForm, RememberedForm
from accounts.wire import Answer
from devicelogin.oauth import device_grants, introspection, protocol, server

_BASIC, _BEARER = 'Basic realm="oauth"', 'Bearer realm="oauth"'
_MAS = b"x-mas-supports-device-id"
_POLL = {"grant_type", "device_code", "client_id"}


def _token(asked: Asked, *, only_devices: bool = False) -> Answer:
    """POST /oauth2/token."""
    authorization = asked.headers.get("authorization", "")
    try:
        form = _form(asked)
        issued = server.token(form, authorization=authorization, ip=asked.ip, only_devices=only_devices)
    except Refusal as refusal:
        return protocol.challenged(protocol.TOKEN_WIRE.refusal(refusal), _BASIC if authorization else "")
    return protocol.TOKEN_WIRE.answer(200, issued.render(), protocol.NO_STORE)


def _alias(asked: Asked) -> Answer:
    """POST /token, for devices only (one-origin.md §1)."""
    return _token(asked, only_devices=True)


def _device(asked: Asked) -> Answer:
    """POST /oauth2/device."""
    authorization = asked.headers.get("authorization", "")
    try:
        form = _form(asked)
        if not authorization:
            protocol.required(form, "client_id")
        program = server.authenticated(form, authorization=authorization)
        agent = asked.headers.get("user-agent", "")
        answer = device_grants.start(program, form.get("scope", ""), ip=asked.ip, user_agent=agent)
    except Refusal as refusal:
        return protocol.challenged(protocol.WIRE.refusal(refusal), _BASIC if authorization else "")
    return protocol.WIRE.answer(200, answer.render(), protocol.NO_STORE)


def _poll(headers: Mapping[bytes, bytes], body: bytes) -> Answer | None:
    """A device asks whether somebody has decided, nobody has, and it asks in time: `authorization_pending`."""
    if b"device_code" not in body or b"authorization" in headers or settings.REDIS_URL or settings.OAUTH_CLIENT_HOSTS:
        return None
    form = protocol.parse_form(body, headers.get(b"content-type", b"").decode("latin-1"))
    if form.keys() != _POLL or form["grant_type"] != protocol.DEVICE_GRANT or not settings.OAUTH_DEVICE_GRANT:
        return None
    secret = form["device_code"]
    if not minting.is_code(secret, minting.DEVICE_CODE):
        return None
    now, _ = quick_look.moments()
    row = quick_look.one(device_grants.waiting(), (tokens.digest(secret), form["client_id"], now))
    if row is None or device_grants.is_hasty(secret, row[0]):
        return None
    return _pending()


@cache
def _pending() -> Answer:
    """Always the same."""
    return protocol.TOKEN_WIRE.refusal(Refusal(Reason.CHALLENGE_INVALID, field="authorization_pending"))


def _introspect(asked: Asked) -> tuple[Answer, float | None]:
    """POST /oauth2/introspect."""
    authorization = asked.headers.get("authorization", "")
    try:
        beside = asked.headers.get(_MAS.decode()) == "1"
        body, life = introspection.introspect(_form(asked), authorization=authorization, beside_scope=beside)
    except Refusal as refusal:
        scheme = _BASIC if authorization.lower().startswith("basic") else _BEARER
        return protocol.challenged(protocol.INTROSPECTION_WIRE.refusal(refusal), scheme), 0.0
    return _told(body), life


def _quick_introspect(headers: Mapping[bytes, bytes], body: bytes) -> tuple[Answer, float | None] | None:
    """The same for a homeserver, by one read of SQLite; None where that does not suffice."""
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    if not authorization.startswith("Bearer "):
        return None
    try:
        introspection.is_homeserver(authorization)
        form = protocol.parse_form(body, headers.get(b"content-type", b"").decode("latin-1"))
        found = introspection.quick(form)
    except Refusal:  # the ordinary way says it in full
        return None
    if found is None:
        return None
    shown, life = found
    return _told(introspection.render(shown, form["token"], beside_scope=headers.get(_MAS) == b"1")), life


def _told(body: Mapping[str, Any]) -> Answer:
    return protocol.INTROSPECTION_WIRE.answer(200, dict(body), protocol.NO_STORE)


def _form(asked: Asked) -> dict[str, str]:
    return protocol.parse_form(asked.body, asked.headers.get("content-type", ""))


_TOKEN = QuickForm(protocol.TOKEN_WIRE, _token, _poll)
_ALIAS = QuickForm(protocol.TOKEN_WIRE, _alias, _poll)
_DEVICE = HotRoute(protocol.WIRE, _device, reads_body=True)
_INTROSPECT = RememberedForm(
    protocol.INTROSPECTION_WIRE,
    _introspect,
    _quick_introspect,
    (b"authorization", b"content-type", _MAS),
)

ROUTES: Mapping[tuple[str, str], HotRoute | QuickForm | RememberedForm] = {
    ("POST", "/oauth2/token"): _TOKEN,
    ("POST", "/token"): _ALIAS,
    ("POST", "/oauth2/device"): _DEVICE,
    ("POST", "/auth/device"): _DEVICE,
    ("POST", "/oauth2/introspect"): _INTROSPECT,
}
