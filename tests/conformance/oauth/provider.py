"""The OAuth endpoints in raw HTTP, as the specifications describe them; written without the server's code.

Every answer is held against what section 9 of matrix-oauth.md promises of all: the form of errors, CORS, no-store.
"""

import base64
import hashlib
import itertools
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.conformance.oauth.wire import FORM, PUBLIC_URL, Answer, Pairs, ask, encoded

CODE, REFRESH = "authorization_code", "refresh_token"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
API = "urn:matrix:client:api:*"
_OPEN_TO_BROWSERS = ("registration", "token", "revoke", "device", "userinfo", "keys.json")
_hosts = itertools.count()


def new_device() -> str:
    """A device id as Element makes them."""
    return secrets.token_hex(6).upper()


def scope_of(device: str, *more: str) -> str:
    return " ".join([API, f"urn:matrix:client:device:{device}", *more])


def challenge_of(verifier: str) -> str:
    """The S256 challenge of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@dataclass(frozen=True)
class Client:
    """A registered program. `base` is its `client_uri`, without a final slash."""

    client_id: str
    secret: str
    base: str

    @property
    def redirect_uri(self) -> str:
        return f"{self.base}/callback"


@dataclass
class Attempt:
    """One authorization request of a program, and what it keeps until the code comes."""

    client: Client
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    device: str = field(default_factory=new_device)

    def parameters(self, **changes: Any) -> dict[str, str]:
        """What goes to `/authorize`; a change to `...` leaves the parameter out."""
        found = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": scope_of(self.device),
            "state": self.state,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in found.items() if value is not ...}

    def url(self, **changes: Any) -> str:
        return f"{PUBLIC_URL}/authorize?{urlencode(self.parameters(**changes))}"

    def redemption(self, code: str, /, **changes: Any) -> dict[str, str]:
        """What goes to the token endpoint with the code."""
        found = {
            "grant_type": CODE,
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "client_id": self.client.client_id,
            "code_verifier": self.verifier,
        } | changes
        return {name: value for name, value in found.items() if value is not ...}


@dataclass(frozen=True, slots=True)
class Provider:
    """A server at a loopback port; `address` is where the client is, as the proxy says."""

    port: int
    address: str = ""

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; `token` stands for `/oauth2/token`."""
        where = path if path.startswith("/") else f"/oauth2/{path}"
        sent = {**({"X-Forwarded-For": self.address} if self.address else {}), **(headers or {})}
        answer = ask(self.port, method, where, body=body, headers=sent)
        keeps_the_promises_of_all_answers(method, where, answer)
        return answer

    def post(self, path: str, fields: Pairs, headers: Mapping[str, str] | None = None) -> Answer:
        """A form."""
        return self.ask("POST", path, encoded(fields), {"Content-Type": FORM, **(headers or {})})

    def register(self, **changes: Any) -> Answer:
        """A registration as Matrix clients send it; a change to `...` leaves the member out."""
        base = changes.get("client_uri", "https://app.example.com")
        metadata: dict[str, Any] = {
            "client_name": "Messenger",
            "client_uri": base,
            "redirect_uris": [f"{base}/callback"],
            "response_types": ["code"],
            "grant_types": [CODE, REFRESH, DEVICE],
            "token_endpoint_auth_method": "none",
            "application_type": "web",
        } | changes
        sent = {name: value for name, value in metadata.items() if value is not ...}
        return self.ask("POST", "registration", json.dumps(sent).encode(), {"Content-Type": "application/json"})

    def client(self, **changes: Any) -> Client:
        """A program of its own host."""
        base = changes.pop("client_uri", f"https://app{next(_hosts)}.example.com")
        answer = self.register(client_uri=base, **changes)
        assert answer.status == 201, answer.body
        return Client(answer.json["client_id"], answer.json.get("client_secret", ""), base)

    def token(self, fields: Pairs, headers: Mapping[str, str] | None = None) -> Answer:
        return self.post("token", fields, headers)

    def device(self, client: Client, **changes: Any) -> dict[str, Any]:
        """A device authorization."""
        answer = self.post("device", {"client_id": client.client_id, "scope": scope_of(new_device())} | changes)
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def poll(self, client: Client, device_code: str) -> Answer:
        return self.token({"grant_type": DEVICE, "device_code": device_code, "client_id": client.client_id})

    def refresh(self, client: Client, refresh_token: str, **changes: str) -> Answer:
        fields = {"grant_type": REFRESH, "refresh_token": refresh_token, "client_id": client.client_id} | changes
        return self.token(fields)

    def who_am_i(self, access_token: str) -> int:
        """Whether the token opens the Matrix API; this is its first use, too."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return ask(self.port, "GET", "/_matrix/client/v3/account/whoami", headers=headers).status

    def introspect(self, token: str, caller: Mapping[str, str]) -> Any:
        answer = self.post("introspect", {"token": token}, caller)
        assert answer.status == 200, answer.body
        return answer.json


def keeps_the_promises_of_all_answers(method: str, path: str, answer: Answer) -> None:
    """CORS where browsers ask, no cookie, no-store, and two strings in every error."""
    where = path.partition("?")[0]
    said = (method, where, answer.status, answer.body[:500])
    assert answer.status < 500, said
    assert answer.headers.get_all("Set-Cookie") is None, said
    assert "Access-Control-Allow-Credentials" not in answer.headers, said
    allowed = answer.headers["Access-Control-Allow-Origin"]
    if where == "/oauth2/introspect":
        assert allowed is None, said
    elif where.startswith("/.well-known/") or where.removeprefix("/oauth2/") in _OPEN_TO_BROWSERS:
        assert allowed == "*", said
    if where.removeprefix("/oauth2/") not in {"keys.json"} and not where.startswith("/.well-known/"):
        assert answer.headers["Cache-Control"] == "no-store", said
    if answer.status >= 400 and answer.body:
        assert answer.headers["Content-Type"].startswith("application/json"), said
        assert set(answer.json) == {"error", "error_description"}, said
        assert all(isinstance(text, str) and text for text in answer.json.values()), said
        assert len(answer.body) < 1500, said
