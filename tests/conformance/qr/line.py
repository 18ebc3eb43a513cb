"""HTTP of one device: a kept-alive connection on asyncio, and a note of every answer."""

import asyncio
import contextlib
import http.client
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.conformance.oauth.wire import Answer

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_PATIENCE = 120.0  # seconds; only a server that hangs takes that long


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and the status it got."""

    method: str
    path: str
    status: int


@dataclass
class Line:
    """The way of one device to a server at a loopback port, which is `url` to it; `address` is where the device is."""

    port: int
    url: str
    address: str = ""
    seen: list[Exchange] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; `url` is whole or a path. The server's silence is a TimeoutError."""
        path = url.removeprefix(self.url)
        assert path.startswith("/"), f"{url} is elsewhere"
        request = self._request(method, path, body, headers or {})
        async with asyncio.timeout(_PATIENCE), self._turn:
            answer = await self._send(request, method)
        self.seen.append(Exchange(method, path, answer.status))
        return answer

    def close(self) -> None:
        if self._open:
            self._open[1].close()
            self._open = None

    def statuses(self, method: str, beginning: str) -> list[int]:
        """What requests below a path were answered with."""
        return [one.status for one in self.seen if one.method == method and one.path.startswith(beginning)]

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        public = urlsplit(self.url)
        sent = {"Host": public.netloc, "X-Forwarded-Proto": public.scheme, "User-Agent": AGENT, **headers}
        if self.address:
            sent["X-Forwarded-For"] = self.address
        if body is not None:
            sent["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        return "\r\n".join(lines).encode() + (body or b"")

    async def _send(self, request: bytes, method: str) -> Answer:
        """On the open connection; on a new one where the server has closed that before it began to answer."""
        if self._open:
            with contextlib.suppress(ConnectionError):
                self._open[1].write(request)
                head = await self._head(self._open[0])
                if head:
                    return await self._rest(head, method)
            self.close()
        self._open = await asyncio.open_connection("127.0.0.1", self.port)
        self._open[1].write(request)
        head = await self._head(self._open[0])
        assert head, "the server closed a new connection without an answer"
        return await self._rest(head, method)

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        """b"" when the connection was closed instead."""
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            assert not error.partial, error.partial
            return b""

    async def _rest(self, head: bytes, method: str) -> Answer:
        assert self._open
        first, _, fields = head.partition(b"\r\n")
        headers = http.client.parse_headers(io.BytesIO(fields))
        status = int(first.split()[1])
        has_body = method != "HEAD" and status not in {204, 304}
        body = await self._open[0].readexactly(int(headers["Content-Length"])) if has_body else b""
        if headers.get("Connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)
