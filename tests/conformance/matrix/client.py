"""A Matrix client in raw HTTP, as the specification describes one; written without the server's code.

Every answer is held against what section 1 and 2 of matrix.md promise of all answers: CORS, the cache header, and two
strings in every error.
"""

import contextlib
import http.client
import json
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import quote

PASSWORD = "correct horse battery"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization, Date",
    "Access-Control-Expose-Headers": "Retry-After",
}
NO_STORE = "no-cache, no-store, must-revalidate"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def errcode(self) -> str:
        """The Matrix error, "" for a success, a page and the first answer of interactive auth."""
        if "json" not in self.headers.get("Content-Type", "") or not self.body:
            return ""
        return str(self.json.get("errcode", ""))

    @property
    def outcome(self) -> tuple[int, str]:
        """Status and error: what a client decides by."""
        return self.status, self.errcode


@dataclass(frozen=True, slots=True)
class Session:
    """What a login or a registration answered."""

    user_id: str
    device_id: str
    access_token: str
    refresh_token: str = ""

    @property
    def name(self) -> str:
        return self.user_id[1:].partition(":")[0]

    @property
    def proof(self) -> dict[str, Any]:
        """The password stage of interactive auth."""
        return {"type": "m.login.password", "identifier": user(self.user_id), "password": PASSWORD}


def user(name: str) -> dict[str, str]:
    """The `identifier` of a login."""
    return {"type": "m.id.user", "user": name}


def new_name() -> str:
    return f"t{secrets.token_hex(6)}"


@dataclass(frozen=True, slots=True)
class Matrix:
    """A server at a loopback port; `address` is where the client claims to be behind a trusted proxy."""

    port: int
    address: str = ""

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. `path` lies below /_matrix/client/ unless it begins with a slash; bytes go out as they are."""
        sent = {**(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if self.address:
            sent["X-Forwarded-For"] = self.address
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        where = path if path.startswith("/") else f"/_matrix/client/{path}"
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, where, body=content, headers=sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        if where.startswith(("/_matrix/", "/.well-known/matrix/")):
            _keeps_the_promises_of_all_answers(method, where, answer)
        return answer

    def get(self, path: str, *, token: str = "") -> Answer:
        return self.ask("GET", path, token=token)

    def post(self, path: str, body: Any = None, *, token: str = "") -> Answer:
        return self.ask("POST", path, token=token, body=body)

    def page(self, path: str) -> bytes:
        """A page for people, with the text of its scripts; its headers as section 14 wants them."""
        answer = self.get(path)
        assert (answer.status, answer.headers.get_content_type()) == (200, "text/html"), answer.body
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        return answer.body + b"".join(self.scripts(answer.body))

    def scripts(self, page: bytes) -> list[bytes]:
        """The scripts of a page, all of them this server's own."""
        sources = re.findall(rb"<script[^>]* src=\"([^\"]+)\"", page)
        assert all(source.startswith(b"/") for source in sources), sources
        return [self.get(source.decode()).body for source in sources]

    def register(self, name: str = "", **more: Any) -> Session:
        """A new account with a session, in one request."""
        body = {"username": name or new_name(), "password": PASSWORD, "auth": {"type": "m.login.dummy"}, **more}
        return session(self.post("v3/register", body))

    def log_in(self, name: str, **more: Any) -> Session:
        """A session of an account that there is."""
        body = {"type": "m.login.password", "identifier": user(name), "password": PASSWORD, **more}
        return session(self.post("v3/login", body))

    def proved(self, method: str, path: str, body: Any = None, *, asking: Session) -> Answer:
        """A call that needs a proof: the flows first, then the same with the password."""
        flows = self.ask(method, path, token=asking.access_token, body=body or {})
        assert flows.status == 401, (flows.status, flows.body)
        auth = {**asking.proof, "session": flows.json["session"]}
        return self.ask(method, path, token=asking.access_token, body={**(body or {}), "auth": auth})

    def moderate(self, administrator: Session, what: str, whom: Session, **state: bool) -> Answer:
        """Locks or suspends somebody, as an administrator does over the client API."""
        path = f"v1/admin/{what}/{encoded(whom.user_id)}"
        return self.ask("PUT", path, token=administrator.access_token, body=state)

    def login_token(self, asking: Session) -> str:
        answer = self.proved("POST", "v1/login/get_token", asking=asking)
        assert answer.status == 200, answer.body
        return str(answer.json["login_token"])


def session(answer: Answer) -> Session:
    """The session that an answer opens."""
    assert answer.status == 200, (answer.status, answer.body)
    found = answer.json
    return Session(found["user_id"], found["device_id"], found["access_token"], found.get("refresh_token", ""))


def encoded(text: str) -> str:
    """A path parameter."""
    return quote(text, safe="")


def _keeps_the_promises_of_all_answers(method: str, path: str, answer: Answer) -> None:
    said = (method, path.partition("?")[0], answer.status, answer.body[:500])
    assert {name: answer.headers.get(name) for name in CORS} == CORS, said
    assert "Access-Control-Allow-Credentials" not in answer.headers, said
    assert answer.headers.get_all("Set-Cookie") is None, said
    if not answer.body:
        return
    if "html" in answer.headers["Content-Type"]:
        assert "/static/" in path or "/fallback/" in path or "submit_token" in path or "/sso/" in path, said
        return
    assert answer.headers["Content-Type"].startswith("application/json"), said
    if not path.endswith("/versions") and ".well-known" not in path:
        assert answer.headers["Cache-Control"] == NO_STORE, said
    if answer.status >= 400 and not (answer.status == 401 and "flows" in answer.json):
        assert isinstance(answer.json["errcode"], str), said
        assert isinstance(answer.json["error"], str), said
        assert answer.json["error"], said
    if answer.status == 429:
        assert isinstance(answer.json["retry_after_ms"], int), said
        assert int(answer.headers["Retry-After"]) == math.ceil(answer.json["retry_after_ms"] / 1000), said
