"""People at the Matrix door: registering and logging in over the wire."""

from dataclasses import dataclass
from typing import Any

from tests.asgi_client import Client, Response

API = "/_matrix/client/v3"
PASSWORD = "correct horse battery"
DUMMY = {"type": "m.login.dummy"}


@dataclass
class Person:
    name: str
    user_id: str
    token: str
    device_id: str
    refresh_token: str = ""

    @property
    def proof(self) -> dict[str, Any]:
        """The password stage, in one request."""
        return proof(self.name)


def proof(name: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    identifier = {"type": "m.id.user", "user": name}
    return {"type": "m.login.password", "identifier": identifier, "password": password, **more}


def register(client: Client, name: str, **more: Any) -> Person:
    answer = client.post(f"{API}/register", data={"username": name, "password": PASSWORD, "auth": DUMMY, **more})
    assert answer.status == 200, answer.text
    return person(name, answer.json())


def log_in(client: Client, name: str, password: str = PASSWORD, **more: Any) -> Response:
    return client.post(f"{API}/login", data=proof(name, password, **more))


def logged_in(client: Client, name: str, **more: Any) -> Person:
    answer = log_in(client, name, **more)
    assert answer.status == 200, answer.text
    return person(name, answer.json())


def person(name: str, body: dict[str, Any]) -> Person:
    return Person(name, body["user_id"], body["access_token"], body["device_id"], body.get("refresh_token", ""))


def who_am_i(client: Client, token: str) -> Response:
    return client.get(f"{API}/account/whoami", token=token)


def refresh(client: Client, token: str) -> Response:
    return client.post(f"{API}/refresh", data={"refresh_token": token})
