"""Rendezvous sessions as clients use them: one small text that both devices read and write (qr-login.md §2, §3).

A slot is strict: it takes nothing that the pickiest deployed client, matrix-rust-sdk, would not take.
"""

import asyncio
import json
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote

from tests.conformance.oauth.wire import Answer
from tests.conformance.qr.line import Line
from tests.conformance.qr.qr_code import Code, Code2024, CodeCurrent

CREATE_2024 = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous"
CREATE_CURRENT = "/_matrix/client/unstable/io.element.msc4388/rendezvous"
CREATE_STABLE = "/_matrix/client/v1/rendezvous"
_PLAIN = {"Content-Type": "text/plain"}
_JSON = {"Content-Type": "application/json"}


class Gone(Exception):
    """The other side, or time, has ended the session."""


class Conflict(Exception):
    """Somebody else wrote first."""


class Slot(Protocol):
    """One of the forms. `pause` is how long it waits between two reads, in seconds."""

    kind: str
    line: Line
    pause: float

    @property
    def aad(self) -> bytes: ...

    def code(self, public: bytes, shown_by: str, server_name: str) -> Code: ...

    async def write(self, text: str) -> None: ...

    async def read(self) -> str | None: ...

    async def close(self) -> int: ...


async def receive(slot: Slot) -> tuple[str, bytes]:
    """The next message, and what it is bound to: the token held before it came. Gone when there is no session."""
    while True:
        bound = slot.aad
        found = await slot.read()
        if found is not None:
            return found, bound
        await asyncio.sleep(slot.pause)


class Slot2024:
    """The form with ETags."""

    kind, aad = "2024", b""

    def __init__(self, line: Line, url: str, etag: str = "", *, pause: float) -> None:
        self.line, self.url, self.etag, self.pause = line, url, etag, pause

    @classmethod
    async def create(cls, line: Line, token: str, *, pause: float) -> "Slot2024":
        answer = await line.ask("POST", CREATE_2024, b"", _PLAIN)
        assert answer.status == 201, (answer.status, answer.body)
        return cls(line, answer.json["url"], _etag(answer), pause=pause)

    @classmethod
    async def join(cls, line: Line, code: Code2024, *, pause: float) -> "Slot2024":
        """As who scanned the code: the session is there and nothing is in it."""
        slot = cls(line, code.url, pause=pause)
        assert await slot.read() == ""
        return slot

    def code(self, public: bytes, shown_by: str, server_name: str) -> Code2024:
        return Code2024(public, self.url, server_name if shown_by == "existing" else "")

    async def write(self, text: str) -> None:
        answer = await self.line.ask("PUT", self.url, text.encode(), {**_PLAIN, "If-Match": self.etag})
        if answer.status == 404:
            raise Gone
        if answer.status == 412:
            raise Conflict
        assert (answer.status, answer.body) == (202, b""), (answer.status, answer.body)
        self.etag = _etag(answer)

    async def read(self) -> str | None:
        """The text, None while it is the one that is known."""
        headers = {"If-None-Match": self.etag} if self.etag else {}
        answer = await self.line.ask("GET", self.url, headers=headers)
        if answer.status == 404:
            raise Gone
        was, self.etag = self.etag, _etag(answer)
        if answer.status == 304:
            assert (self.etag, answer.body) == (was, b"")
            return None
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.body or not was, "a message was taken away"
        return answer.text

    async def close(self) -> int:
        return (await self.line.ask("DELETE", self.url)).status


def _etag(answer: Answer) -> str:
    """What every answer of a session must carry for matrix-rust-sdk, and that times are in order."""
    etag, expires, modified = (answer.headers[name] for name in ("ETag", "Expires", "Last-Modified"))
    assert etag, (answer.status, answer.headers.items())
    assert etag.startswith('"'), etag
    assert parsedate_to_datetime(expires) > parsedate_to_datetime(modified)
    return str(etag)


class SlotCurrent:
    """The form with sequence tokens, below the path of the proposal."""

    kind, path = "current", CREATE_CURRENT

    def __init__(self, line: Line, session_id: str, token: str = "", *, pause: float) -> None:
        self.line, self.session_id, self.token, self.pause = line, session_id, token, pause

    @classmethod
    async def create(cls, line: Line, token: str, *, pause: float) -> "SlotCurrent":
        """`token` is the access token of a signed-in device, "" of another."""
        headers = {**_JSON, **({"Authorization": f"Bearer {token}"} if token else {})}
        answer = await line.ask("POST", cls.path, b'{"data":""}', headers)
        assert answer.status == 200, (answer.status, answer.body)
        assert 0 < answer.json["expires_in_ms"] <= 300_000
        return cls(line, answer.json["id"], answer.json["sequence_token"], pause=pause)

    @classmethod
    async def join(cls, line: Line, code: CodeCurrent, *, pause: float) -> "SlotCurrent":
        slot = cls(line, code.session_id, pause=pause)
        assert await slot.read() == ""
        return slot

    @property
    def url(self) -> str:
        return f"{self.path}/{quote(self.session_id, safe='')}"

    @property
    def aad(self) -> bytes:
        """§5.4."""
        base, name, token = (text.encode() for text in (self.line.url, self.session_id, self.token))
        return len(base).to_bytes(2) + base + bytes([len(name)]) + name + bytes([len(token)]) + token

    def code(self, public: bytes, shown_by: str, server_name: str) -> CodeCurrent:
        return CodeCurrent(public, self.session_id, self.line.url, shown_by)

    async def write(self, text: str) -> None:
        answer = await self.put(text, self.token)
        if answer.status == 404:
            raise Gone
        if answer.status == 409:
            raise Conflict
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.json["sequence_token"] != self.token, "a write without a new token"
        self.token = answer.json["sequence_token"]

    async def put(self, text: str, token: str) -> Answer:
        body = json.dumps({"data": text, "sequence_token": token}).encode()
        return await self.line.ask("PUT", self.url, body, _JSON)

    async def read(self) -> str | None:
        answer = await self.line.ask("GET", self.url)
        if answer.status == 404:
            raise Gone
        assert answer.status == 200, (answer.status, answer.body)
        told: dict[str, Any] = answer.json
        was, self.token = self.token, told["sequence_token"]
        return None if self.token == was else str(told["data"])

    async def close(self) -> int:
        return (await self.line.ask("DELETE", self.url)).status


class SlotStable(SlotCurrent):
    """The same below the path of the specification to come."""

    path = CREATE_STABLE


FORMS: dict[str, Any] = {"2024": Slot2024, "current": SlotCurrent, "stable": SlotStable}
