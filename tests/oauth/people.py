"""Programs and people at the OAuth endpoints: registering, approving as the pages do, asking as programs do."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from accounts import clock, devices, tokens, users
from accounts.browser.who import Browser
from accounts.models import Device, Flow, Token, User
from devicelogin.oauth import authorizing, device_grants
from devicelogin.oauth.protocol import DEVICE_GRANT
from tests import premade
from tests.asgi_client import Client, Response

API = "urn:matrix:client:api:*"
CALLBACK = "https://app.example.com/cb"
GRANTS = ["authorization_code", "refresh_token", DEVICE_GRANT]
METADATA: dict[str, Any] = {
    "client_name": "Element",
    "client_uri": "https://example.com/",
    "redirect_uris": [CALLBACK],
    "response_types": ["code"],
    "grant_types": GRANTS,
    "token_endpoint_auth_method": "none",
    "application_type": "web",
}
VERIFIER = "v" * 64
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "correct horse battery"


@dataclass
class Issued:
    access: str
    refresh: str
    body: dict[str, Any]


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def device_scope(device_id: str = "AAABBBCCCDDD") -> str:
    return f"{API} urn:matrix:client:device:{device_id}"


def form(client: Client, path: str, fields: dict[str, Any] | list[tuple[str, str]], **headers: str) -> Response:
    sent = {"Content-Type": "application/x-www-form-urlencoded", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return client.post(path, body=urlencode(fields).encode(), headers=sent)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def register(client: Client, **more: Any) -> dict[str, Any]:
    answer = client.post("/oauth2/registration", data=METADATA | more)
    assert answer.status == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def person(name: str = "ann", **more: Any) -> User:
    return users.create(name, encoded=premade.encoded(PASSWORD), by_administrator=True, **more)


def browser_of(user: User) -> Browser:
    """A signed-in browser, as `accounts.browser` makes one."""
    device = devices.open(user, kind=Device.Kind.BROWSER, display_name="Firefox on Linux")
    kind = Token.Kind.BROWSER
    minted = tokens.Minted(secrets.token_urlsafe(32), 3600)
    row = tokens.issue(minted, user=user, flow=Flow.DEVICELOGIN, kind=kind, device=device, amr="pwd")
    return Browser(
        user=user,
        token_id=row.pk,
        device_pk=device.pk,
        device_id=device.device_id,
        family=row.family.hex,
        amr=("pwd",),
        signed_in_at=clock.now(),
        authenticated_at=clock.now(),
        ip="203.0.113.9",
        user_agent=FIREFOX,
    )


def parameters(client_id: str, /, **more: str) -> dict[str, list[str]]:
    found = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": device_scope(),
        "state": "xyz",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
        **more,
    }
    return {name: [value] for name, value in found.items() if value}


def approved(user: User, client_id: str, browser: Browser | None = None, **more: str) -> str:
    """The code of an approved request."""
    request = authorizing.read(parameters(client_id, **more))
    redirect = authorizing.approve(
        request, user=user, browser=browser or browser_of(user), ip="203.0.113.9", user_agent=FIREFOX
    )
    return parse_qs(urlsplit(redirect.uri).query)["code"][0]


def redeem(client: Client, code: str, client_id: str, /, **more: Any) -> Response:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": client_id,
        "code_verifier": VERIFIER,
        **more,
    }
    return form(client, "/oauth2/token", {name: value for name, value in fields.items() if value is not None})


def signed_in(client: Client, user: User, client_id: str, **more: Any) -> Issued:
    answer = redeem(client, approved(user, client_id, **more), client_id)
    assert answer.status == 200, answer.text
    return issued(answer)


def issued(answer: Response) -> Issued:
    body = answer.json()
    return Issued(body["access_token"], body.get("refresh_token", ""), body)


def refresh(client: Client, token: str, client_id: str, **more: Any) -> Response:
    fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id, **more}
    return form(client, "/oauth2/token", fields)


def ask_device(client: Client, client_id: str, scope: str | None = None, **more: Any) -> Response:
    return form(client, "/oauth2/device", {"client_id": client_id, "scope": scope or device_scope(), **more})


def poll(client: Client, device_code: str, client_id: str, path: str = "/oauth2/token") -> Response:
    return form(client, path, {"grant_type": DEVICE_GRANT, "device_code": device_code, "client_id": client_id})


def found(user_code: str, user: User | None = None, ip: str = "203.0.113.9") -> device_grants.Grant:
    return device_grants.find(user_code=user_code, user_id=user.pk if user else None, ip=ip)


def allow(user_code: str, user: User) -> None:
    device_grants.approve(found(user_code, user), user=user, browser=browser_of(user), ip="203.0.113.9")


def who_am_i(client: Client, token: str) -> Response:
    return client.get("/_matrix/client/v3/account/whoami", token=token)


def error(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json()["error"]
