"""Every bound of the server with its default: sizes in bytes, times in seconds (R41-R44, R59)."""

from collections.abc import Callable
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]

BodyLimit = Callable[[str, bytes], int]
"""`body_limit(method, path) -> bytes`: the largest body this path takes; `path` is raw and without its
query."""

RenderError = Callable[[int, str, str], tuple[Headers, bytes]]
"""`render_error(status, path, accept) -> (headers, body)`: an error in the form of the protocol that owns the
path.

The headers name the content type (and CORS where due); the caller adds Content-Length and Connection."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The defaults are the requirements; tests pass shorter times."""

    url_bytes: int = 8 * 1024
    head_bytes: int = 32 * 1024
    headers: int = 100

    head_seconds: float = 10.0
    """For the whole head from its first byte, and for a fresh connection to send that byte."""
    body_seconds: float = 30.0
    body_grace_seconds: float = 5.0
    body_bytes_per_second: int = 100
    """Average since the body began, asked for once the grace is over."""
    keep_alive_seconds: float = 60.0
    linger_seconds: float = 2.0
    """How long a closed connection may take to fetch what is still to be sent, before it is aborted."""

    websocket_bytes: int = 1024 * 1024
    websocket_close_seconds: float = 5.0
    """For the client to answer a close frame; autobahn's timer may be a second early."""
    waiting_messages: int = 2048
    """Received and not yet taken by the application, which handles one after the other."""
    unsent_bytes: int = 1024 * 1024
    unsent_messages: int = 256

    settle_seconds: float = 0.25
    """Between the signal and closing idle connections: a request already on its way is still read."""
    drain_seconds: float = 10.0
