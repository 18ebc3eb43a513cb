"""The hot routes of the Session door: the login itself, and GET /token, which clients ask at every start."""

from collections.abc import Mapping

from django.conf import settings

from accounts.hot import Asked, HotRoute
from accounts.wire import Answer
from challenges.session import messages, protocol, services

_NO_STORE = {"Cache-Control": "no-store"}


def _token(asked: Asked) -> Answer:
    """GET /token (session-open-group.md §4.3)."""
    query = asked.query.get("access_token", []) if settings.SESSION_TOKEN_IN_URL else []
    secret = protocol.parse_access_token(query, asked.headers.get("authorization", ""))
    owner = services.owner(services.bearer(secret, ip=asked.ip))
    return messages.TOKEN.answer(200, messages.token_body(owner, base_url=settings.PUBLIC_URL), _NO_STORE)


def _challenge(asked: Asked) -> Answer:
    """GET /loki/v1/get_challenge (session-open-group.md §4.1): an encrypted token for the key in the query."""
    public_key = protocol.parse_public_key(asked.query.get("pubKey", []))
    challenge = services.open_challenge(public_key=public_key, ip=asked.ip)
    return messages.PLAIN.answer(200, challenge.render(), _NO_STORE)


def _submit(asked: Asked) -> Answer:
    """POST /loki/v1/submit_challenge (section 4.2). `{}` suits clients that parse the body and those that do not."""
    submission = protocol.parse_submission(asked.body, asked.headers.get("content-type", ""))
    services.submit(
        public_key=submission.public_key,
        token=submission.token,
        ip=asked.ip,
        user_agent=asked.headers.get("user-agent", ""),
    )
    return messages.PLAIN.answer(200, {}, _NO_STORE)


_READ = ("GET", "HEAD")
_TABLE = (
    (_READ, "/token", HotRoute(messages.TOKEN, _token)),
    (_READ, "/stream/0/token", HotRoute(messages.TOKEN, _token)),
    (_READ, "/loki/v1/get_challenge", HotRoute(messages.PLAIN, _challenge)),
    (("POST",), "/loki/v1/submit_challenge", HotRoute(messages.PLAIN, _submit, reads_body=True)),
)

ROUTES: Mapping[tuple[str, str], HotRoute] = {
    (method, path + slash): route for methods, path, route in _TABLE for method in methods for slash in ("", "/")
}
