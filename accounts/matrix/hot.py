"""The hot route of the Matrix door: whoami, which clients ask at every start and bots before every step."""

from collections.abc import Mapping
from datetime import datetime

from accounts import clock, quick_look
from accounts.hot import Asked, RememberedRoute
from accounts.matrix import accounts_named, messages, protocol, sessions
from accounts.wire import Answer


def _who_am_i(asked: Asked) -> tuple[Answer, float | None]:
    """GET account/whoami (matrix.md §11), and how many seconds the token lives."""
    secret = messages.bearer_token(asked.query.get("access_token", []), asked.headers.get("authorization"))
    bearer = sessions.bearer(secret, ip=asked.ip, guests=True)
    return _answer(bearer.username, bearer.device_id, bearer.scope), _life(bearer.expires_at)


def _quick(authorization: bytes) -> tuple[Answer, float | None] | None:
    """The same by one read of SQLite; None where that does not suffice, or the header is not the usual one."""
    if not authorization.startswith(b"Bearer mat_"):
        return None
    seen = quick_look.find(authorization[7:].decode("latin-1"))
    if seen is None or seen.device_id is None or seen.flow not in sessions.FLOWS:
        return None
    if seen.flow != sessions.FLOW and not sessions.opens_matrix(seen.scope):
        return None
    expires_at = quick_look.moment_of(seen.expires_at) if seen.expires_at else None
    return _answer(seen.username, seen.device_id, seen.scope), _life(expires_at)


def _answer(username: str, device_id: str | None, scope: str) -> Answer:
    body = {
        "user_id": accounts_named.user_id(username),
        "device_id": device_id,
        "is_guest": scope == sessions.GUEST,
    }
    return protocol.WIRE.answer(200, body, protocol.NO_STORE)


def _life(expires_at: datetime | None) -> float | None:
    return (expires_at - clock.now()).total_seconds() if expires_at else None


ROUTES: Mapping[tuple[str, str], RememberedRoute] = {
    (method, f"/_matrix/client/{prefix}/account/whoami"): RememberedRoute(protocol.WIRE, _who_am_i, _quick)
    for method in ("GET", "HEAD")
    for prefix in ("r0", "v3", "unstable")
}
