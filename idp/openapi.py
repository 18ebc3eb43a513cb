"""Which paths OpenAPI lists, and under which door: hooks of drf-spectacular (SPECTACULAR_SETTINGS)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from accounts.api import protocol as api
from accounts.matrix import protocol as matrix
from challenges.openpgp import protocol as openpgp
from challenges.session import messages as session
from devicelogin.oauth import protocol as oauth
from idp import openapi_qr, origin

Endpoint = tuple[str, str, str, Callable[..., Any]]

_HOT_ALONE = {("POST", "/token")}  # OAuth's; Session's view has it for when OAuth is off
_OAUTH = dict.fromkeys(map(id, (oauth.WIRE, oauth.TOKEN_WIRE, oauth.INTROSPECTION_WIRE)), "OAuth")
_TAGS = {
    id(api.WIRE): "API",
    id(matrix.WIRE): "Matrix",
    id(openpgp.WIRE): "Laverna",
    id(session.APPNET): "Session",
    **_OAUTH,
}


def one_path_a_route(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Of the prefixes a route answers under, the one that clients use today; only methods that a view has."""
    found: dict[tuple[str, str], Endpoint] = {}
    for _, regex, method, callback in endpoints:
        path = readable(regex)
        if hasattr(callback.cls, method.lower()) and (method, path) not in _HOT_ALONE:  # type: ignore[attr-defined]
            found.setdefault((path, method), (path, regex, method, callback))
    return list(found.values())


def readable(regex: str) -> str:
    """A route's regular expression as a path: `^_matrix/client/(?:r0|v3)/login\\Z` is `/_matrix/client/v3/login`."""
    path = re.sub(r"\(\?:[^()]*\)\?", "", regex)
    path = re.sub(r"\(\?P<(\w+)>[^()]*\)", r"{\1}", path)
    path = re.sub(r"\(\?:([^()]*)\)", lambda group: _preferred(group[1].split("|")), path)
    for sign, meaning in (("^", ""), (r"\Z", ""), ("/?", ""), (r"\.", ".")):
        path = path.replace(sign, meaning)
    return "/" + path.lstrip("/")


def _preferred(alternatives: list[str]) -> str:
    return "v3" if "v3" in alternatives else alternatives[0]


def add_hot_routes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Hot routes are no views, so they are described here."""
    for (method, path), operation in _HOT.items():
        result["paths"].setdefault(path, {})[method] = {
            "operationId": f"{method}_{'_'.join(re.findall('[A-Za-z0-9]+', path))}",
            "responses": {"200": {"description": "", "content": {"application/json": {"schema": _OBJECT}}}},
            **operation,
        }
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def tag_by_door(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Each operation under the door that owns its path."""
    for path, operations in result["paths"].items():
        for method in operations:
            operations[method]["tags"] = [_tag(path, method.upper())]
    return result


def _tag(path: str, method: str) -> str:
    if path == "/api/token/refresh":  # errs as OAuth does, and is the e-mail code's
        return "E-mail code"
    if "/rendezvous" in path:
        return "QR login"
    owner = origin.owner_of(path, method)
    return _TAGS.get(id(owner.wire), "Session") if owner else "Session"


_OBJECT = {"type": "object", "additionalProperties": {}}
_BEARER = [{"bearer": list[str]()}]


def _query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": {"type": "string"}, "description": description}


def _part(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": description}


def _body(*names: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in names}
    schema = {"type": "object", "properties": properties, "required": list(names)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _form(*names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in (*names, *optional)}
    schema = {"type": "object", "properties": properties, "required": list(names)}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}


_TOKEN = {
    "description": "Tokens for an authorization code, a refresh token or a device code.",
    "requestBody": _form(
        "grant_type",
        optional=(
            *("client_id", "client_secret", "code", "redirect_uri", "code_verifier"),
            *("refresh_token", "scope", "device_code"),
        ),
    ),
}
_DEVICE = {
    "description": "A device code, and the code a person types at the verification page.",
    "requestBody": _form("client_id", "scope", optional=("client_secret",)),
}

_HOT: Mapping[tuple[str, str], dict[str, Any]] = {
    **openapi_qr.ROUTES,
    ("get", "/loki/v1/get_challenge"): {
        "description": "A token, encrypted to the key of the query.",
        "parameters": [_query("pubKey", "`05` and 64 hex digits")],
    },
    ("post", "/loki/v1/submit_challenge"): {
        "description": "The decrypted token; from then on it is active.",
        "requestBody": _body("pubKey", "token"),
    },
    ("get", "/token"): {"description": "Who bears this token.", "security": _BEARER},
    ("get", "/api/token/{username}"): {
        "description": "A session token for this user, in any case; also as `/api/token/username/{username}`.",
        "parameters": [_part("username", "percent-encoded, slashes too")],
        "security": [],
    },
    ("post", "/api/auth"): {
        "description": "The session token, in a JSON object that the user's key signed; form-encoded bodies as well. "
        "The status is 200 also for a refusal: `success` tells.",
        "requestBody": _body("username", "fingerprint", "signature"),
        "security": [],
    },
    ("get", "/_matrix/client/v3/account/whoami"): {"description": "Who bears this token.", "security": _BEARER},
    ("post", "/oauth2/token"): _TOKEN,
    ("post", "/token"): _TOKEN | {"description": "The same, for device codes only."},
    ("post", "/oauth2/device"): _DEVICE,
    ("post", "/auth/device"): _DEVICE,
    ("post", "/oauth2/introspect"): {
        "description": "What a token is worth, for homeservers and confidential clients.",
        "requestBody": _form("token", optional=("token_type_hint",)),
        "security": _BEARER,
    },
}
