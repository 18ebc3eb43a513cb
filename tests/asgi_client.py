"""A synchronous client that calls the ASGI application as a server does: hot routes, bridge and Django alike."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit


@dataclass
class Response:
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name.lower()]
        return found[0] if found else None


class Client:
    def __init__(self, loop: asyncio.AbstractEventLoop, address: str = "203.0.113.7") -> None:
        self.loop = loop
        self.address = address

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | list[tuple[str, str]] | None = None,
        data: Any = None,
        token: str = "",
    ) -> Response:
        """`data` goes out as JSON, `token` as Bearer; a url with `//` in front is kept as it is."""
        path, _, query = url.partition("?")
        if params:
            query = urlencode(params)
        sent = {"host": "testserver.localhost", **{k.lower(): v for k, v in (headers or {}).items()}}
        if data is not None:
            body = json.dumps(data).encode()
            sent.setdefault("content-type", "application/json")
        if token:
            sent["authorization"] = f"Bearer {token}"
        if body:
            sent.setdefault("content-length", str(len(body)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path if path.startswith("//") else unquote(urlsplit(path).path),
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in sent.items()],
            "client": (self.address, 50000),
            "server": ("testserver", 80),
        }
        return self.loop.run_until_complete(self._run(scope, body))

    async def _run(self, scope: dict[str, Any], body: bytes) -> Response:
        from idp.asgi import application

        response = Response()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = [(k.decode(), v.decode("latin-1")) for k, v in message["headers"]]
            else:
                response.body += message.get("body", b"")

        await application(scope, receive, send)
        return response

    def get(self, url: str, **more: Any) -> Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> Response:
        return self.request("POST", url, **more)

    def put(self, url: str, **more: Any) -> Response:
        return self.request("PUT", url, **more)

    def patch(self, url: str, **more: Any) -> Response:
        return self.request("PATCH", url, **more)

    def delete(self, url: str, **more: Any) -> Response:
        return self.request("DELETE", url, **more)
