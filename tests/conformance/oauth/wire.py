"""HTTP as it arrives behind a reverse proxy that ends TLS: the public name outside, a loopback port inside.

So everything is tried as it is in production: an https issuer, Secure cookies, clients that refuse plain http.
"""

import contextlib
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

HOST = "id.example.org"
PUBLIC_URL = f"https://{HOST}"
ISSUER = f"{PUBLIC_URL}/"
FORM = "application/x-www-form-urlencoded"
Pairs = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The code of RFC 6749 §5.2, "" when there is none."""
        is_json = "json" in self.headers.get("Content-Type", "")
        return str(self.json.get("error", "")) if is_json and self.body else ""

    @property
    def outcome(self) -> tuple[int, str]:
        """Status and error: what a client decides by."""
        return self.status, self.error

    @property
    def location(self) -> str:
        return str(self.headers["Location"])


def ask(
    port: int,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    public_url: str = PUBLIC_URL,
) -> Answer:
    """One request on a connection of its own; a whole URL of the public name may stand for the path."""
    public = urlsplit(public_url)
    where = path.removeprefix(public_url)
    sent = {"Host": public.netloc, "X-Forwarded-Proto": public.scheme, **(headers or {})}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, where, body=body, headers=sent)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def parameters(uri: str) -> dict[str, str]:
    """What a redirect carries, in its query or its fragment; no name may come twice."""
    parts = urlsplit(uri)
    assert not (parts.query and parts.fragment), uri
    pairs = parse_qsl(parts.query or parts.fragment, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), uri
    return dict(pairs)


def encoded(fields: Pairs) -> bytes:
    """The body of a form."""
    return urlencode(fields).encode()
