"""The class of a path: door and route, both from a closed set.

A histogram per path would grow with every name, id and scanner that is seen; a class is what an operator thinks in.
"""

import re
from collections.abc import Mapping

from django.conf import settings

Route = tuple[str, str]

UNKNOWN: Route = ("none", "unknown")
_MATRIX, _SESSION, _OTP, _OPENPGP, _DEVICES = "matrix", "session", "otp", "openpgp", "devicelogin"

_EXACT: Mapping[str, Route] = {
    "/": ("none", "front-page"),
    "/healthz": ("none", "health"),
    "/readyz": ("none", "health"),
    "/metrics": ("none", "metrics"),
    "/loki/v1/get_challenge": (_SESSION, "challenge"),
    "/loki/v1/submit_challenge": (_SESSION, "login"),
    "/token": (_SESSION, "token"),
    "/stream/0/token": (_SESSION, "token"),
    "/loki/v1/user_info": (_SESSION, "profile"),
    "/users/me": (_SESSION, "profile"),
    "/api/me": (_OTP, "me"),
    "/api/auth": (_OPENPGP, "login"),
    "/api/users": (_OPENPGP, "directory"),
    "/oauth2/token": (_DEVICES, "token"),
    "/oauth2/introspect": (_DEVICES, "introspection"),
    "/oauth2/device": (_DEVICES, "device"),
    "/auth/device": (_DEVICES, "device"),
    "/oauth2/registration": (_DEVICES, "client-registration"),
    "/oauth2/revoke": (_DEVICES, "revocation"),
    "/oauth2/userinfo": (_DEVICES, "userinfo"),
    "/ws/login/": (_OTP, "socket"),
    "/ws/signal/": (_OPENPGP, "socket"),
}
# The method decides whose they are (one-origin.md §1).
_POSTED: Mapping[str, Route] = {
    "/token": (_DEVICES, "token"),
    "/api/token/refresh": (_OTP, "refresh"),
}
_BELOW: tuple[tuple[str, Route], ...] = (
    ("/_matrix/static/", (_MATRIX, "page")),
    ("/.well-known/matrix/", (_MATRIX, "discovery")),
    ("/_synapse/", (_MATRIX, "other")),
    ("/_matrix/", (_MATRIX, "other")),
    ("/.well-known/o", (_DEVICES, "discovery")),
    ("/oauth2/", (_DEVICES, "other")),
    ("/loki/v1/moderat", (_SESSION, "moderation")),
    ("/loki/v1/channel", (_SESSION, "moderation")),
    ("/loki/", (_SESSION, "other")),
    ("/api/users/me/keys", (_OPENPGP, "own-keys")),
    ("/api/users/", (_OPENPGP, "directory")),
    ("/api/token/", (_OPENPGP, "session-token")),
    ("/api/docs/", ("none", "documentation")),
    ("/api/schema/", ("none", "documentation")),
    ("/socket.io", ("sockets", "socket.io")),
    ("/authorize", (_DEVICES, "consent")),
    ("/link", (_DEVICES, "link")),
    ("/account/login/", (_DEVICES, "sign-in-page")),
    ("/account/reauthenticate/", (_DEVICES, "sign-in-page")),
    ("/account/signup/", (_DEVICES, "sign-up-page")),
    ("/account/", (_DEVICES, "account-page")),
    ("/static/", ("none", "static")),
    ("/demo/", ("none", "demo")),
)
_CLIENT = re.compile(
    r"/_matrix/client/(?:api/v1|v2_alpha|r0|v\d|unstable)/(?:(?:org\.matrix|io\.element)\.msc\d+(?:\.refresh_token)?/)?(.+)"
)
_CLIENT_ROUTES: tuple[tuple[str, Route], ...] = (
    ("account/whoami", (_MATRIX, "whoami")),
    ("login/sso", (_MATRIX, "sso")),
    ("login", (_MATRIX, "login")),
    ("refresh", (_MATRIX, "refresh")),
    ("tokenrefresh", (_MATRIX, "refresh")),
    ("logout", (_MATRIX, "logout")),
    ("register", (_MATRIX, "registration")),
    ("account", (_MATRIX, "account")),
    ("delete_devices", (_MATRIX, "devices")),
    ("devices", (_MATRIX, "devices")),
    ("profile", (_MATRIX, "profile")),
    ("rendezvous", (_DEVICES, "rendezvous")),
    ("auth_metadata", (_DEVICES, "discovery")),
    ("auth_issuer", (_DEVICES, "discovery")),
    ("capabilities", (_MATRIX, "discovery")),
    ("auth", (_MATRIX, "page")),
    ("admin", (_MATRIX, "administration")),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# What was found before: only paths that stand in a table whole, so that it cannot grow with names and ids.
_known: dict[tuple[str, str], Route] = {}


def of(method: str, path: str) -> Route:
    """Door and route of a request; `UNKNOWN` for a path that nobody has."""
    return _known.get((method, path)) or _find(method, path)


def _find(method: str, path: str) -> Route:
    found = (_POSTED.get(path) if method == "POST" else None) or _EXACT.get(path)
    if found is None and path.startswith("/_matrix/client/"):
        found, is_whole = _of_client(path)
    else:
        is_whole = found is not None
    if is_whole and method in METHODS:
        _known[method, path] = found or UNKNOWN
    return found or _below(path)


def _of_client(path: str) -> tuple[Route | None, bool]:
    """A route of Matrix's client API, whichever version it is asked under; whether that is all of the path."""
    if path == "/_matrix/client/versions":
        return (_MATRIX, "discovery"), True
    match = _CLIENT.fullmatch(path)
    rest = match[1] if match else ""
    for name, route in _CLIENT_ROUTES:
        if rest == name or rest.startswith(f"{name}/"):
            return route, rest == name
    return None, False


def _below(path: str) -> Route:
    if path.startswith(f"/{settings.ADMIN_PATH.rstrip('/')}"):
        return ("admin", "admin")
    bare = path.rstrip("/")
    if bare != path and bare in _EXACT:
        return _EXACT[bare]
    return next((route for prefix, route in _BELOW if path.startswith(prefix)), UNKNOWN)


def doors() -> frozenset[str]:
    """Every door a route may name."""
    tables = (_EXACT.values(), _POSTED.values(), (r for _, r in _BELOW), (r for _, r in _CLIENT_ROUTES))
    return frozenset({door for table in tables for door, _ in table} | {"admin", "none"})
