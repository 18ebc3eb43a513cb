"""Each door, asked as its clients ask: does this server answer, in its own form, through whatever stands in front?"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings

from accounts import upstream_providers
from accounts.homeserver.transport import Answer
from idp.doctor import asking, homeserver
from idp.doctor.findings import Check, Finding, failed, good, skipped

_PROXY = "The proxy has a rule of its own for this path, or another server answers: send the path to this server."
_STRANGER = "https://doctor.invalid"  # an origin that nobody allowed


def session() -> Finding:
    """A challenge for a key that nobody has; nothing is stored for it."""
    key = X25519PrivateKey.generate().public_key().public_bytes_raw()  # half of all random numbers are no keys
    path = f"/loki/v1/get_challenge?pubKey=05{key.hex()}"
    answer = asking.ask("GET", path)
    if not isinstance(answer, str) and answer.status == 401 and "error" in answer.json:
        return good("it answers; its lists admit no stranger")
    return _holds(answer, "/loki/v1/get_challenge", lambda json: {"cipherText64", "serverPubKey64"} <= json.keys())


def matrix() -> Finding:
    """Versions, and the ways to log in."""
    versions = asking.ask("GET", "/_matrix/client/versions")
    found = _holds(versions, "/_matrix/client/versions", lambda json: bool(json.get("versions")))
    if found.cure or not settings.MATRIX_LEGACY_LOGIN:
        return found
    login = asking.ask("GET", "/_matrix/client/v3/login")
    return _holds(login, "/_matrix/client/v3/login", lambda json: bool(json.get("flows")))


def laverna() -> Finding:
    """The directory, asked for nobody."""
    path = f"/api/users/name/{asking.nobody()}"
    answer = asking.ask("GET", path)
    if isinstance(answer, str) or answer.status >= 500 or asking.is_page(answer):
        return failed(f"/api/users/name/: {asking.status(answer)}", _cure(answer))
    return good("/api/users/")


def code() -> Finding:
    """What a service behind this one asks about everybody who signed in."""
    answer = asking.ask("GET", "/api/me")
    if isinstance(answer, str) or answer.status != 401 or "www-authenticate" not in answer.headers:
        return failed(f"/api/me: {asking.status(answer)}", _cure(answer))
    return good("/api/me")


def oauth() -> Finding:
    """The metadata of both specifications, and every endpoint that is under PUBLIC_URL; the keys."""
    if not settings.OAUTH:
        return skipped("OAUTH is off")
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        answer = asking.ask("GET", path)
        if isinstance(answer, str) or answer.status != 200:
            return failed(f"{path}: {asking.status(answer)}", _cure(answer))
        if answer.json.get("issuer") != homeserver.issuer():
            cure = "Set PUBLIC_URL to the URL that people see, and restart."
            return failed(f"{path} names {asking.shown(answer.json.get('issuer'))} as issuer", cure)
        elsewhere = [
            name for name, url in answer.json.items()
            if name.endswith(("_endpoint", "_uri")) and not str(url).startswith(f"{settings.PUBLIC_URL}/")
        ]  # fmt: skip
        if elsewhere:
            return failed(f"{path}: {', '.join(elsewhere)} lie elsewhere", "A proxy rewrites the answer: let it pass.")
    keys = asking.ask("GET", "/oauth2/keys.json")
    return _holds(keys, "/oauth2/keys.json", lambda json: bool(json.get("keys")))


def pages() -> Finding:
    """The sign-in page, and the first file that it needs."""
    answer = asking.ask("GET", "/account/login/", headers={"Accept": "text/html"})
    if isinstance(answer, str) or answer.status != 200 or not asking.is_page(answer):
        return failed(f"/account/login/: {asking.status(answer)}", _cure(answer))
    if "set-cookie" not in answer.headers:
        return failed("/account/login/ sets no cookie", "A proxy takes Set-Cookie away, or keeps pages: let them pass.")
    linked = re.search(r'href="(/static/[^"]+\.css)"', answer.body.decode(errors="replace"))
    file = asking.ask("GET", linked[1]) if linked else "no style sheet is linked"
    if isinstance(file, str) or file.status != 200:
        return failed(f"{linked[1] if linked else '/static/'}: {asking.status(file)}", _cure(file))
    return good("/account/login/")


def administration() -> Finding:
    """Its sign-in page, unless it is closed to where we are."""
    path = f"/{settings.ADMIN_PATH}login/"
    answer = asking.ask("GET", path, headers={"Accept": "text/html"})
    if not isinstance(answer, str) and answer.status == 403 and settings.ADMIN_NETWORKS:
        return good(f"{path} is closed to this network")
    if isinstance(answer, str) or answer.status != 200 or not asking.is_page(answer):
        return failed(f"{path}: {asking.status(answer)}", _cure(answer))
    return good(path)


def cors() -> Finding:
    """Browsers of any origin may ask the APIs, also when they are refused; once, and without cookies."""
    wrong = []
    for method, path in (
        ("OPTIONS", "/_matrix/client/v3/login"),
        ("GET", "/_matrix/client/v3/account/whoami"),
        ("OPTIONS", "/loki/v1/submit_challenge"),
        ("GET", "/api/me"),
        *((("OPTIONS", "/oauth2/token"),) if settings.OAUTH else ()),
    ):
        headers = {"Origin": _STRANGER, "Access-Control-Request-Method": "POST"}
        answer = asking.ask(method, path, headers=headers)
        allowed = answer if isinstance(answer, str) else asking.header(answer, "access-control-allow-origin")
        with_cookies = not isinstance(answer, str) and "access-control-allow-credentials" in answer.headers
        if allowed != "*" or with_cookies:
            wrong.append(f"{method} {path}: {allowed or 'nothing'}{' with credentials' if with_cookies else ''}")
    if wrong:
        cure = "The server sends these headers itself: take all Access-Control rules out of the proxy."
        return failed("; ".join(wrong), asking.SERVED if isinstance(answer, str) else cure)
    return good("any origin, once, without cookies")


def upstream() -> Finding:
    """The sites whose accounts sign in here."""
    listed = upstream_providers.listed()
    if not listed:
        return skipped("no upstream provider is set up")
    for provider in listed:
        url = str(provider.settings.get("server_url", ""))
        if "/.well-known/" not in urlsplit(url).path:
            url = f"{url.rstrip('/')}/.well-known/openid-configuration"
        answer = asking.ask_url("GET", url)
        if isinstance(answer, str) or answer.status != 200 or "issuer" not in answer.json:
            return failed(
                f"{provider.name}: {url}: {asking.status(answer)}",
                "Correct the provider's address in the admin, or take the provider away until it is back.",
            )
    return good(", ".join(str(provider.name) for provider in listed))


def _cure(answer: Answer | str) -> str:
    """What to do about an answer that is none, or not this server's."""
    return asking.SERVED if isinstance(answer, str) else _PROXY


def _holds(answer: Answer | str, path: str, is_right: Callable[[dict[str, Any]], bool]) -> Finding:
    """Whether an answer is 200 with JSON that looks right."""
    if isinstance(answer, str) or answer.status != 200:
        return failed(f"{path}: {asking.status(answer)}", _cure(answer))
    try:
        is_json = isinstance(json.loads(answer.body), dict)
    except ValueError:
        is_json = False
    if not is_json or not is_right(answer.json):
        return failed(f"{path} answers something else", _PROXY)
    return good(path)


CHECKS = (
    Check("door-session", "the Session door is open", session),
    Check("door-matrix", "the Matrix door is open", matrix),
    Check("door-otp", "the door of e-mail codes is open", code),
    Check("door-openpgp", "the Laverna door is open", laverna),
    Check("door-oauth", "OAuth tells where everything is", oauth),
    Check("door-pages", "people can sign in", pages),
    Check("admin", "administrators can sign in", administration),
    Check("cors", "browsers may ask the APIs", cors),
    Check("upstream", "upstream providers answer", upstream),
)
