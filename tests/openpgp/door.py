"""A person of the Laverna door: a key, and what their application sends. It knows nothing of the server's code."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from pysequoia import SignatureMode, Tsk, sign

from tests.asgi_client import Client, Response

FORM = "application/x-www-form-urlencoded; charset=UTF-8"


def new_key(name: str = "Somebody", **options: Any) -> Tsk:
    return Tsk.generate(f"{name} <{name.lower()}@example.org>", **options)


@dataclass
class Person:
    """Somebody with a name and a key."""

    name: str = "alice"
    key: Tsk = field(default_factory=new_key)

    @property
    def armored(self) -> str:
        return str(self.key.extract_certificate())

    @property
    def fingerprint(self) -> str:
        return str(self.key.extract_certificate().fingerprint)

    def signed(self, payload: object) -> str:
        """A text as it is, anything else as JSON, in a cleartext message."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        return bytes(sign(self.key.signer(), text.encode(), mode=SignatureMode.CLEAR)).decode()

    def answer(self, token: str, msg: str = "SIGNAL_AUTH_REQUEST", **more: Any) -> str:
        """The signed answer to a session token, as the application makes it."""
        payload = {"sessionToken": token, "msg": msg, "username": self.name, **more}
        return self.signed({name: value for name, value in payload.items() if value is not ...})

    def credentials(self, signature: str) -> dict[str, str]:
        return {"signature": signature, "fingerprint": self.fingerprint, "username": self.name}


def send(
    client: Client, method: str, path: str, fields: dict[str, Any], *, form: bool = False, **more: Any
) -> Response:
    """A body in one of the two forms every POST takes."""
    if not form:
        return client.request(method, path, data=fields, **more)
    return client.request(method, path, body=urlencode(fields).encode(), headers={"content-type": FORM}, **more)


def register(client: Client, person: Person, *, form: bool = False, **more: Any) -> Response:
    fields = {"username": person.name, "publicKey": person.armored, **more}
    return send(client, "POST", "/api/users", fields, form=form)


def registered(client: Client, name: str = "alice") -> Person:
    person = Person(name, new_key(name))
    answer = register(client, person)
    assert answer.json() == {"message": "Registered a new user."}, answer.text
    return person


def session_token(client: Client, person: Person) -> str:
    answer = client.get(f"/api/token/{person.name}")
    assert answer.status == 200, answer.text
    return str(answer.json()["sessionToken"])


def auth(client: Client, person: Person, signature: str, **changes: Any) -> Response:
    fields = person.credentials(signature) | changes
    return send(client, "POST", "/api/auth", {name: value for name, value in fields.items() if value is not ...})


def log_in(client: Client, person: Person) -> str:
    """An auth token."""
    answer = auth(client, person, person.answer(session_token(client, person))).json()
    assert answer["success"] is True, answer
    return str(answer["token"])


def status_of(client: Client, token: str) -> int:
    """Whether a token opens `/api/me`."""
    return client.get("/api/me", token=token).status
