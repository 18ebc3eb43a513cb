"""A Matrix client of the least kind, for a live server."""

import http.client
import json
import secrets
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import quote

API = "/_matrix/client/v3"
PASSWORD = "correct horse battery"
DUMMY = {"type": "m.login.dummy"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Message = field(default_factory=Message)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(port: int, method: str, path: str, *, data: Any = None, token: str = "") -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, json.dumps(data) if data is not None else None, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.headers)
    finally:
        connection.close()


def new_name() -> str:
    return f"p{secrets.token_hex(8)}"


def registration(name: str, **more: Any) -> dict[str, Any]:
    """What is sent to make an account in one request."""
    return {"username": name, "password": PASSWORD, "auth": DUMMY, **more}


def register(port: int, name: str, **more: Any) -> dict[str, Any]:
    """The answer to a one-request registration."""
    answer = ask(port, "POST", f"{API}/register", data=registration(name, **more))
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.json
    return body


def proof(name: str) -> dict[str, Any]:
    return {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": PASSWORD}


def log_in(port: int, name: str, **more: Any) -> dict[str, Any]:
    answer = ask(port, "POST", f"{API}/login", data=proof(name) | more)
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.json
    return body


def who_am_i(port: int, token: str) -> int:
    return ask(port, "GET", f"{API}/account/whoami", token=token).status


def device_path(device_id: str) -> str:
    return f"{API}/devices/{quote(device_id, safe='')}"
