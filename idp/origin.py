"""Who owns which path of the one origin, and so in which form it errs (one-origin.md §1)."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings

from accounts.api import protocol as api
from accounts.matrix import protocol as matrix
from accounts.wire import Answer, Wire
from challenges.openpgp import protocol as openpgp
from challenges.session import messages as session
from challenges.socketio import http as socketio
from devicelogin.oauth import protocol as oauth
from idp import error_page
from idp.metrics import visiting

_DOUBLED = ("//loki/", "//token", "//users/me")
_SOCKETIO_BODY = 1_000_000
_OF_THE_SERVER = frozenset({400, 408, 413, 414, 431})  # what `idp.server` refuses before there is a request


@dataclass(frozen=True, slots=True)
class Owner:
    """A prefix of the URL map. `wire` is None for people's pages, which err in HTML.

    `whole`: the path itself and nothing below it. `method`: of a path with two owners, whose part this one has.
    """

    prefix: str
    wire: Wire | None
    whole: bool = False
    method: str = ""

    def owns(self, path: str, method: str) -> bool:
        """Whether a request lies here."""
        if self.method not in {"", method}:
            return False
        return path == self.prefix if self.whole else _below(path, self.prefix)


@cache
def owners() -> tuple[Owner, ...]:
    """The URL map, first match counts. What matches nothing is Session's, or a page if a browser asks."""
    return (
        *(Owner(prefix, matrix.WIRE) for prefix in ("/_matrix/", "/_synapse/", "/.well-known/matrix/")),
        Owner("/.well-known/openid-configuration", oauth.WIRE),
        Owner("/.well-known/oauth-authorization-server", oauth.WIRE),
        Owner("/oauth2/introspect", oauth.INTROSPECTION_WIRE, whole=True),
        Owner("/oauth2/", oauth.WIRE),
        *((Owner("/token", oauth.TOKEN_WIRE, whole=True, method="POST"),) if settings.OAUTH else ()),
        Owner("/auth/device", oauth.WIRE),
        Owner("/api/me", api.WIRE, whole=True),
        Owner("/api/token/refresh", oauth.WIRE, whole=True, method="POST"),
        Owner("/api/schema/", api.WIRE, whole=True),
        Owner("/api/docs/", None, whole=True),
        Owner("/api/", openpgp.WIRE),
        Owner("/socket.io/", socketio.WIRE),
        *(Owner(prefix, session.APPNET) for prefix in ("/loki/", "/token", "/users/me", "/stream/0/token")),
        *(Owner(prefix, None) for prefix in page_prefixes()),
    )


@cache
def page_prefixes() -> tuple[str, ...]:
    """Paths of people's pages and files: they alone run middleware, honour cookies and err in HTML."""
    return (f"/{settings.ADMIN_PATH}", "/static/", "/demo/", "/account/", "/authorize", "/link")


def owner_of(path: str, method: str = "") -> Owner | None:
    """Whose prefix the path lies under."""
    return next((owner for owner in owners() if owner.owns(path, method)), None)


def is_page(path: str) -> bool:
    """Whether a person's page owns the path."""
    owner = owner_of(path)
    return owner is not None and owner.wire is None


def failure(status: int, path: str, accept: str, method: str = "", languages: str = "") -> Answer:
    """An error of HTTP itself, in the form of the path's owner. `languages`: the browser's, for people's pages."""
    owner = owner_of(path, method)
    wire = owner.wire if owner else None
    if wire is not None:
        return wire.failure(status)
    if owner is None and "text/html" not in accept:
        return session.APPNET.failure(status)
    is_admin = path.startswith(f"/{settings.ADMIN_PATH}")  # it is English
    language = error_page.preferred("" if is_admin else languages)
    headers = error_page.HEADERS | {"Content-Language": language}
    if status in {429, 503}:
        headers["Retry-After"] = "1"
    return Answer(status, error_page.render(status, language), tuple(headers.items()))


def render_error(status: int, path: str, accept: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """`failure` as the servers in `idp.server` take it: headers and body. What never became a request is noted here."""
    if status in _OF_THE_SERVER:
        visiting.refused_by_server(status, path)
    answer = failure(status, path, accept)
    return [(name.encode(), value.encode("latin-1")) for name, value in answer.headers], answer.body


def preflight(path: str) -> Answer | None:
    """The answer to OPTIONS on a path nobody routes; None where the owner has no preflight."""
    owner = owner_of(path)
    if owner is not None and owner.wire is None:
        return None
    return (owner.wire if owner and owner.wire else session.APPNET).preflight(())


def body_limit(method: str, path: bytes) -> int:
    """Bytes a request body may have (R41; one-origin.md §5)."""
    text = path.decode("latin-1")
    if text.startswith(f"/{settings.ADMIN_PATH}"):
        limit: int = settings.ADMIN_BODY_LIMIT
        return limit
    if text.startswith("/socket.io/"):
        return max(_SOCKETIO_BODY, settings.BODY_LIMIT)
    if text.startswith(("/api/users", "/api/auth")):
        keys: int = settings.OPENPGP_BODY_LIMIT
        return keys
    default: int = settings.BODY_LIMIT
    return default


def _below(path: str, prefix: str) -> bool:
    return path == prefix.rstrip("/") or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def normal_path(path: str) -> str:
    """A doubled leading slash works for three of Session's paths and no other (one-origin.md §1, "Slashes")."""
    if path.startswith("//") and any(
        path == prefix.rstrip("/") or path.startswith(prefix.rstrip("/") + "/") for prefix in _DOUBLED
    ):
        return path[1:]
    return path
