"""What figures and request log cost a request: `python -m bench.visiting`.

The same bare answer under uvicorn, alone and with a visit around it, as CPU of the process per request; the least of
several rounds, because the machine is shared. Lines of the log go nowhere, but are made and written.
"""

# The application is imported once Django is set up.
# ruff: noqa: E402

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")

import django

django.setup()

from uvicorn.server import ServerState

from idp import request_log
from idp.metrics import visiting
from idp.server.limits import Limits
from idp.server.uvicorn_http import BoundedConfig, BoundedHttp

Application = Callable[[Any, Any, Any], Awaitable[None]]
_REQUEST = b"GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n"
_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
_BODY = {"type": "http.response.body", "body": b"{}"}


async def _bare(scope: Any, receive: Any, send: Any) -> None:
    await send(_START)
    await send(_BODY)


async def _visited(scope: Any, receive: Any, send: Any) -> None:
    await visiting.request(_bare, scope, receive, send)


def _no_error(status: int, path: str, accept: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    return [], b""


async def _round(application: Application, requests: int) -> float:
    """Microseconds of CPU a request: client and server are one process, and the client is the same in every round."""
    loop = asyncio.get_running_loop()
    limits = Limits()
    config = BoundedConfig(application, render_error=_no_error, limits=limits, access_log=False, log_config=None)
    config.load()
    state = ServerState()
    server = await loop.create_server(
        lambda: BoundedHttp(config=config, server_state=state, app_state={}, _loop=loop), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.process_time()
    for _ in range(requests):
        writer.write(_REQUEST)
        await reader.readuntil(b"{}")
    request_log.flush()
    spent = time.process_time() - begun
    writer.close()
    server.close()
    return spent * 1e6 / requests


@contextlib.contextmanager
def _log_to_nowhere() -> Iterator[None]:
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)


def main() -> None:
    """Prints three numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=80)
    asked = parser.parse_args()
    found: dict[str, list[float]] = {"bare": [], "visited": []}
    with _log_to_nowhere():
        for _ in range(asked.rounds):
            found["bare"].append(asyncio.run(_round(_bare, asked.requests)))
            found["visited"].append(asyncio.run(_round(_visited, asked.requests)))
    bare, visited = (min(rounds) for rounds in found.values())
    sys.stdout.write(f"bare {bare:.1f} µs, with figures and log {visited:.1f} µs: {visited - bare:.1f} µs a request\n")


if __name__ == "__main__":
    main()
