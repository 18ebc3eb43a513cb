"""The hot routes of the Laverna door: the session token, which everything begins with, and the login."""

from collections.abc import Mapping

from accounts.errors import Refusal
from accounts.hot import Asked, HotRoute
from accounts.wire import Answer
from challenges.openpgp import protocol, sign_in


def _session_token(asked: Asked) -> Answer:
    """GET /api/token/:username and /api/token/username/:username (laverna.md §3)."""
    token = sign_in.session_token(protocol.token_name(asked.path), ip=asked.ip)
    return protocol.WIRE.answer(200, {"sessionToken": token}, protocol.NO_STORE)


def _auth(asked: Asked) -> Answer:
    """POST /api/auth (section 4): a body that cannot be read names no user."""
    try:
        fields = protocol.parse_fields(asked.body, asked.headers.get("content-type", ""))
    except Refusal:
        fields = {}
    token = sign_in.log_in(fields, ip=asked.ip)
    return protocol.SIGN_IN.answer(200, {"success": True, "token": token}, protocol.NO_STORE)


ROUTES: Mapping[tuple[str, str], HotRoute] = {
    ("POST", "/api/auth"): HotRoute(
        protocol.SIGN_IN, _auth, reads_body=True, body_limit="OPENPGP_BODY_LIMIT", waits=True
    ),
}
ROUTES_BELOW: Mapping[tuple[str, str], HotRoute] = {
    (method, protocol.TOKENS): HotRoute(protocol.WIRE, _session_token) for method in ("GET", "HEAD")
}
