"""A Laverna application of the least kind, for a live server: keys and signatures by pysequoia."""

import http.client
import json
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from pysequoia import CipherSuite, Profile, SignatureMode, Tsk, sign
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0  # seconds


class Key:
    """A key pair of an application, with Ed25519; or one that is kept, as an armored private key."""

    def __init__(self, name: str = "somebody", *, kept: str = "") -> None:
        user_id, kind = f"{name} <{name}@example.org>", CipherSuite.Cv25519
        made = None if kept else Tsk.generate(user_id, profile=Profile.RFC4880, cipher_suite=kind)
        self._secret = made or Tsk.from_bytes(kept.encode())
        certificate = self._secret.extract_certificate()
        self.public, self.fingerprint = str(certificate), certificate.fingerprint

    def sign(self, text: str) -> str:
        """The text as a cleartext message."""
        return sign(self._secret.signer(), text.encode(), mode=SignatureMode.CLEAR).decode()


def new_name() -> str:
    return f"u{secrets.token_hex(8)}"


def login_text(username: str, public_key: str, session_token: str, **changes: Any) -> str:
    """What the application signs to log in."""
    said = {
        "sessionToken": session_token,
        "msg": "SIGNAL_AUTH_REQUEST",
        "username": username,
        "publicKey": public_key,
    }
    return json.dumps(said | changes, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Person:
    """Somebody with a name and a key. One connection a request, so that people share nothing."""

    port: int
    username: str = field(default_factory=new_name)
    key: Key = field(default_factory=Key)
    token: str = ""

    def ask(self, method: str, path: str, *, token: str = "", body: Any = None) -> Answer:
        """One request with a body of JSON."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content = None if body is None else json.dumps(body)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body=content, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())

    def register(self) -> Answer:
        return self.ask("POST", "/api/users", body={"username": self.username, "publicKey": self.key.public})

    def session_token(self) -> str:
        answer = self.ask("GET", f"/api/token/{self.username}")
        assert answer.status == 200, answer
        return str(answer.json["sessionToken"])

    def signature(self, **changes: Any) -> str:
        """A signed text that logs in, unless a change spoils it."""
        return self.key.sign(login_text(self.username, self.key.public, self.session_token(), **changes))

    def answer(self, signature: object, **changes: Any) -> Answer:
        """What is said to a signature."""
        body = {"signature": signature, "fingerprint": self.key.fingerprint, "username": self.username}
        return self.ask("POST", "/api/auth", body=body | changes)

    def log_in(self) -> str:
        """An auth token."""
        answer = self.answer(self.signature())
        assert answer.json.get("success") is True, answer
        self.token = str(answer.json["token"])
        return self.token

    def signed_in(self) -> "Person":
        """Registered and with a token."""
        answer = self.register()
        assert answer.status == 200, answer
        self.log_in()
        return self

    def invitation(self, other: "Person", **changes: Any) -> dict[str, str]:
        """What `sendInvite` takes."""
        said = {"fingerprint": other.key.fingerprint, "from": self.username, "to": other.username}
        return {"username": other.username, "signature": self.key.sign(json.dumps(said | changes))}

    @contextmanager
    def device(self, device_id: str) -> Iterator["Device"]:
        """A connected device over the plain websocket."""
        url = f"ws://127.0.0.1:{self.port}/ws/signal/"
        with connect(url, compression=None, max_size=2**21, open_timeout=PATIENCE) as socket:
            device = Device(socket)
            names = {"username": self.username, "deviceId": device_id, "token": self.token}
            assert device.ask("connect", names) == {"ok": True}
            yield device


class Device:
    """A plain websocket: frames `{"event", "data", "id"}`; an answer repeats the id."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[tuple[str, Any]] = []
        self._asked = 0

    def emit(self, event: str, data: Any) -> None:
        self.socket.send(json.dumps({"event": event, "data": data}))

    def ask(self, event: str, data: Any) -> Any:
        """The acknowledgement; what comes before it is kept in `heard`."""
        self._asked += 1
        self.socket.send(json.dumps({"event": event, "data": data, "id": self._asked}))
        while True:
            frame = json.loads(self.socket.recv(PATIENCE))
            if frame.get("id") == self._asked:
                return frame["data"]
            self.heard.append((frame["event"], frame["data"]))

    def told(self, event: str) -> Any:
        """The next thing that comes, which must be this event."""
        if not self.heard:
            frame = json.loads(self.socket.recv(PATIENCE))
            self.heard.append((frame["event"], frame["data"]))
        name, data = self.heard.pop(0)
        assert name == event, (name, data)
        return data
