"""What the server asks of itself, answered by the application: stands for `accounts.homeserver.transport`."""

from collections.abc import Callable
from typing import Any

from accounts.homeserver.transport import Answer
from tests.asgi_client import Client


def application(client: Client) -> Callable[..., Answer]:
    """A function like `transport.ask`, for URLs of this server."""

    def ask(method: str, url: str, *, headers: Any = None, body: bytes | None = None, **_: Any) -> Answer:
        path = "/" + url.split("/", 3)[3]
        sent = {**(headers or {})}
        if body is not None:
            sent["Content-Length"] = str(len(body))
        answer = client.request(method, path, headers=sent, body=body or b"")
        return Answer(answer.status, answer.body, dict(answer.headers))

    return ask
