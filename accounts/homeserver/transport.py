"""One HTTP request with an end: no redirects, certificates checked, nothing of it in an exception's text.

Pure standard library. A private authority of certificates is named in the environment as `SSL_CERT_FILE`.
"""

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 10.0  # seconds, each for connecting and for the whole answer (section 8)
_MOST_BYTES = 1_048_576
_PIECE = 65_536


class NoAnswer(Exception):
    """Nothing usable came back; the text is a class name, never a URL, header or body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case, one that was sent twice with both values (RFC 9110 §5.3)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object of the body, empty when there is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = TIMEOUT,
) -> Answer:
    """The answer, whatever its status; NoAnswer."""
    connection = None
    try:
        parts = urlsplit(url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, timeout)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        encoded = {name: value.encode() for name, value in (headers or {}).items()}
        deadline = time.monotonic() + timeout
        connection.request(method, target, body, encoded)
        response = connection.getresponse()
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            before = found.get(name.lower())
            found[name.lower()] = value if before is None else f"{before}, {value}"
        return Answer(response.status, _read(response, deadline), found)
    except (OSError, http.client.HTTPException, ValueError) as error:  # their texts may repeat what was sent
        raise NoAnswer(type(error).__name__) from None
    finally:
        if connection is not None:
            connection.close()


def _connection(scheme: str, host: str, port: int | None, timeout: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body, bounded in size and time: a server that drips must not hold a login."""
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > _MOST_BYTES:
            raise ValueError
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(pieces)
