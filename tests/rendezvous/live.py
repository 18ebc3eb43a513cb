"""Rendezvous sessions of live servers: devices that ask whichever process, and a hand on what is stored."""

import contextlib
import hashlib
import http.client
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import redis

from tests.live import Installation
from tests.rendezvous.slots import TEXT

BUSY = {429, 503}  # no error: the device asks again


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    begun: float
    ended: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def tag(self) -> str:
        return self.headers.get("etag", "").strip('"')


@dataclass
class Slot:
    """A session, asked for at the processes in turn."""

    ports: Iterator[int]
    path: str
    token: str

    @property
    def is_text(self) -> bool:
        return self.path.startswith(TEXT)

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    def write(self, data: str, token: str | None = None) -> Answer:
        seen = self.token if token is None else token
        if self.is_text:
            headers = {"Content-Type": "text/plain", "If-Match": f'"{seen}"'}
            return ask(next(self.ports), "PUT", self.path, data.encode(), headers)
        body = json.dumps({"sequence_token": seen, "data": data}).encode()
        return ask(next(self.ports), "PUT", self.path, body)

    def read(self) -> Answer:
        return ask(next(self.ports), "GET", self.path)

    def state(self) -> tuple[str, str]:
        """Data and token, once a process has the time to tell."""
        answer = patiently(self.read)
        assert answer.status == 200, answer
        if self.is_text:
            return answer.body.decode(), answer.tag
        return answer.json["data"], answer.json["sequence_token"]

    def delete(self) -> Answer:
        return ask(next(self.ports), "DELETE", self.path)

    def token_of(self, written: Answer) -> str:
        return written.tag if self.is_text else str(written.json["sequence_token"])

    def won(self, answer: Answer) -> bool:
        return answer.status == (202 if self.is_text else 200)

    def lost(self, answer: Answer) -> bool:
        return answer.status == (412 if self.is_text else 409)


@dataclass
class Devices:
    """Makes sessions at an installation, at its processes in turn."""

    installation: Installation
    ports: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self.ports = cycle([server.port for server in self.installation.servers])

    def create(self, create_path: str, data: str = "") -> Answer:
        if create_path == TEXT:
            return ask(next(self.ports), "POST", TEXT, data.encode(), {"Content-Type": "text/plain"})
        return ask(next(self.ports), "POST", create_path, json.dumps({"data": data}).encode())

    def created(self, create_path: str, data: str = "") -> Slot:
        answer = patiently(lambda: self.create(create_path, data))
        return self.slot(create_path, answer)

    def slot(self, create_path: str, answer: Answer) -> Slot:
        if create_path == TEXT:
            assert answer.status == 201, answer
            return Slot(self.ports, urlsplit(answer.json["url"]).path, answer.tag)
        assert answer.status == 200, answer
        return Slot(self.ports, f"{create_path}/{answer.json['id']}", answer.json["sequence_token"])

    def expire(self, slot: Slot, *, after_ms: int) -> None:
        """Gives a session another end than it was made with."""
        end = int(time.time() * 1000) + after_ms
        if slot.id[1] == "r":
            environment = self.installation.environment
            key = redis_key(environment["SECRET_KEY"], slot)
            with contextlib.closing(redis.Redis.from_url(environment["REDIS_URL"])) as connection:
                assert connection.exists(key)
                connection.hset(key, "expires", end)
            return
        digest = hashlib.sha256(slot.id.encode()).digest()
        with contextlib.closing(self.installation.database.connect()) as connection:
            place = "%s" if self.installation.database.is_postgres else "?"
            done = connection.execute(
                f"UPDATE rendezvous_rendezvoussession SET expires_ms = {end} WHERE digest = {place}", (digest,)
            )
            assert done.rowcount == 1
            connection.commit()


def redis_key(secret_key: str, slot: Slot) -> str:
    derived = hashlib.sha256(b"latchkey rendezvous" + secret_key.encode()).digest()
    hashed = hashlib.blake2b(slot.id.encode(), digest_size=20, key=derived).hexdigest()
    return f"idp:rendezvous:{'4108' if slot.is_text else '4388'}:{hashed}"


def ask(
    port: int,
    method: str,
    path: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own."""
    begun = time.monotonic()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        content = answer.read()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, found, content, begun, time.monotonic())


def patiently(call: Callable[[], Answer], *, also: Collection[int] = (429,)) -> Answer:
    """Asks until the answer is another than "busy"; `also`: what counts as that beside 503."""
    deadline = time.monotonic() + 60.0
    while True:
        answer = call()
        if answer.status not in {503, *also} or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)
