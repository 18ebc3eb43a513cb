"""What two devices ask of a rendezvous session, each turn in a session of its own unless it is said otherwise.

Creations come from many client addresses, as they do in life: those of one address are counted one by one.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bench.scenarios import Scenario
from bench.wire import Connection

TEXT = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous"
JSON = "/_matrix/client/unstable/io.element.msc4388/rendezvous"
_MESSAGE = secrets.token_urlsafe(450).encode()  # 600 bytes, as a sealed m.login.protocol
_SESSIONS = 50  # that reads and polls take in turn


def _request(method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: Element"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def _address() -> str:
    """Of a client behind the trusted proxy that the generator is."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def creation(data: bytes = b"") -> bytes:
    return _request("POST", TEXT, data, Content_Type="text/plain", X_Forwarded_For=_address())


def json_creation(data: str = "") -> bytes:
    body = json.dumps({"data": data}).encode()
    return _request("POST", JSON, body, Content_Type="application/json", X_Forwarded_For=_address())


async def created(connection: Connection, data: bytes = _MESSAGE) -> tuple[str, str]:
    """The path of a new session and the tag of what is in it."""
    answer = await connection.ask(creation(data), status=b"201")
    path = urlsplit(json.loads(answer)["url"]).path
    head = await connection.head(_request("HEAD", path))
    return path, head["etag"]


async def json_created(connection: Connection) -> tuple[str, str]:
    answer = json.loads(await connection.ask(json_creation(_MESSAGE.decode())))
    return f"{JSON}/{answer['id']}", answer["sequence_token"]


class Creation(Scenario):
    """A session of the 2024 form is made."""

    name = "rendezvous, create"

    async def turn(self, connection: Connection) -> None:
        await connection.ask(creation(), status=b"201")


class Read(Scenario):
    """A device that has not seen what is there."""

    name = "rendezvous, read"

    async def prepare(self, connection: Connection, turns: int) -> None:
        paths = [(await created(connection))[0] for _ in range(_SESSIONS)]
        self._requests = [_request("GET", paths[turn % len(paths)]) for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


class Poll(Scenario):
    """A device that has: 304. What most requests of a login are."""

    name = "rendezvous, poll"

    async def prepare(self, connection: Connection, turns: int) -> None:
        slots = [await created(connection) for _ in range(_SESSIONS)]
        requests = [_request("GET", path, If_None_Match=tag) for path, tag in slots]
        self._requests = [requests[turn % len(requests)] for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop(), status=b"304")


class JsonRead(Scenario):
    """A poll of the current form, which always has the data."""

    name = "rendezvous, read (MSC4388)"

    async def prepare(self, connection: Connection, turns: int) -> None:
        paths = [(await json_created(connection))[0] for _ in range(_SESSIONS)]
        self._requests = [_request("GET", paths[turn % len(paths)]) for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


class Listed(Scenario):
    """Reads of sessions that were put into the database beforehand, spread over all of them."""

    name = "rendezvous, read of many"

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    async def prepare(self, connection: Connection, turns: int) -> None:
        self._requests = [_request("GET", f"{TEXT}/{self._ids[turn % len(self._ids)]}") for turn in range(turns)]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


class Write(Scenario):
    """A message is put into a session."""

    name = "rendezvous, write"

    async def prepare(self, connection: Connection, turns: int) -> None:
        slots = [await created(connection) for _ in range(turns)]
        self._requests = [
            _request("PUT", path, secrets.token_urlsafe(450).encode(), Content_Type="text/plain", If_Match=tag)
            for path, tag in slots
        ]

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop(), status=b"202")


class JsonWrite(Scenario):
    """The same in the current form."""

    name = "rendezvous, write (MSC4388)"

    async def prepare(self, connection: Connection, turns: int) -> None:
        self._requests = []
        for _ in range(turns):
            path, token = await json_created(connection)
            body = json.dumps({"sequence_token": token, "data": secrets.token_urlsafe(450)}).encode()
            self._requests.append(_request("PUT", path, body, Content_Type="application/json"))

    async def turn(self, connection: Connection) -> None:
        await connection.ask(self._requests.pop())


SCENARIOS: tuple[type[Scenario], ...] = (Creation, Read, Poll, JsonRead, Write, JsonWrite)
ALL: Mapping[str, type[Scenario]] = {scenario.name: scenario for scenario in SCENARIOS}


def scenario_of(name: str, argument: Any) -> Scenario | None:
    """The scenario of this name; None for one of another file."""
    if name == Listed.name:
        return Listed(argument)
    return ALL[name]() if name in ALL else None
