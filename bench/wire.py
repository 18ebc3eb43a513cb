"""A minimal HTTP/1.1 client on asyncio streams: keep-alive, answers with Content-Length, nothing else."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes, *, status: bytes = b"200") -> bytes:
        """The body of the answer; AssertionError with the whole answer unless its status is the expected one."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        _, _, rest = head.lower().partition(b"content-length:")
        body = await self._reader.readexactly(int(rest.partition(b"\r\n")[0] or b"0"))
        assert head[9:12] == status, head + body
        return body

    async def head(self, request: bytes, *, status: bytes = b"200") -> dict[str, str]:
        """The headers of an answer to HEAD, by lower-case name."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head[9:12] == status, head
        lines = head.decode("latin-1").split("\r\n")[1:-2]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def close(self) -> None:
        self._writer.close()


def get(path: str, token: str = "") -> bytes:
    """A GET as Session clients send it."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Session\r\n{authorization}\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """A POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Session\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def form(path: str, fields: Mapping[str, str], token: str = "") -> bytes:
    """A POST of a form."""
    body = urlencode(fields).encode()
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Synapse\r\n{authorization}"
    length = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + length).encode() + body
