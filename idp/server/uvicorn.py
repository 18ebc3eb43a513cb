"""The same application under uvicorn: five times cheaper per bare request, and able to use several processes.

What holds without a reverse proxy: bounds and deadline of the head, keep-alive, 1 MiB per websocket message,
the way down of R59. The bound and the deadline of a body are kept in the ASGI bridge. uvicorn makes a sender
wait for a slow websocket reader where daphne's outbox closes the socket (R44).
"""

import signal
import socket
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from idp.server.limits import Limits, RenderError
from idp.server.uvicorn_http import BoundedConfig, BoundedHttp, GoingAwayWebSocket


def run(
    application: Any,
    *,
    listener: socket.socket,
    render_error: RenderError,
    workers: int = 1,
    limits: Limits | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. With several workers `application` is an import string, and
    `render_error` a function of a module: each worker is a new process that imports both."""
    limits = limits or Limits()
    config = BoundedConfig(
        application,
        render_error=render_error,
        limits=limits,
        http=BoundedHttp,
        ws=GoingAwayWebSocket,
        loop="auto",  # uvloop when it is installed
        workers=workers,
        lifespan="auto",
        log_config=None,
        log_level="warning",
        access_log=False,  # query strings hold tokens
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES decides, in the application
        ws_max_size=limits.websocket_bytes,
        ws_per_message_deflate=False,
        timeout_keep_alive=int(limits.keep_alive_seconds),
        timeout_graceful_shutdown=int(limits.drain_seconds),
    )
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    # uvicorn raises the signal again when it has finished, for the handler it found: with this one the exit
    # code is 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])
