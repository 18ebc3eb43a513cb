"""`python -m bench.bare PORT`: the smallest ASGI answer under the same server classes as the product.

Its cost is the server's own; what a real request costs beyond it is the product's doing.
"""

import os
import sys
from typing import Any

from idp.server.listen import listen, url_of

BODY = b'{"meta":{"code":200}}'
HEADERS = [
    (b"content-type", b"application/json; charset=utf-8"),
    (b"content-length", str(len(BODY)).encode()),
]


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The same few bytes to every request."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})


def render_error(status: int, path: str, accept: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """No request of the benchmark errs."""
    return [], b""


def body_limit(method: str, path: bytes) -> int:
    """No request of the benchmark is large."""
    return 65536


def main() -> None:
    listener = listen("127.0.0.1", int(sys.argv[1]))
    print(f"Bare server is listening at {url_of(listener)}", flush=True)
    if os.environ["SERVER"] == "uvicorn":
        from idp.server.uvicorn import run  # noqa: PLC0415  # one server is imported, the one that runs

        run(application, listener=listener, render_error=render_error)
    else:
        from idp.server.daphne import BoundedServer  # noqa: PLC0415

        BoundedServer(application, listener=listener, body_limit=body_limit, render_error=render_error).run()


if __name__ == "__main__":
    main()
