"""The same application under uvicorn: five times cheaper per bare request, and able to use several processes.

What holds without a reverse proxy: bounds and deadline of the head, keep-alive, 1 MiB per websocket message, slow
websocket readers, the way down of R59. The bound and the deadline of a body are kept in the ASGI bridge.
"""

import asyncio
import logging
import signal
import socket
from functools import partial
from typing import Any

import uvicorn

from idp.server import state, workers
from idp.server.limits import Limits, RenderError
from idp.server.listen import take_no_more
from idp.server.uvicorn_http import BoundedConfig, BoundedHttp
from idp.server.uvicorn_websocket import BoundedSocket

logger = logging.getLogger("idp.server")
LOOK_SECONDS = 0.05
PING_INTERVAL, PING_TIMEOUT = 25.0, 20.0  # seconds (R44)


class DrainingServer(uvicorn.Server):
    """uvicorn's own closes connections that have just been made, and a client's request with them."""

    config: BoundedConfig
    shares_listener = False
    """Whether other processes accept connections from the same socket: then it is not this one's to make deaf."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As `drain.py` does it: accept nothing new, let requests finish, close websockets with 1001."""
        state.draining = True
        await self._stop_accepting(sockets or [])
        await self._wind_down()
        if not self.force_exit:
            await self.lifespan.shutdown()

    async def _stop_accepting(self, sockets: list[socket.socket]) -> None:
        """Take what the kernel has accepted already, which closing the socket would reset."""
        loop = asyncio.get_running_loop()
        for listener in sockets:
            if not self.shares_listener:
                take_no_more(listener)
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:  # nobody waits
                    break
                await loop.connect_accepted_socket(self._protocol, accepted)
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()

    def _protocol(self) -> Any:
        return BoundedHttp(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def _wind_down(self) -> None:
        loop, limits = asyncio.get_running_loop(), self.config.limits
        begun, connections, tasks = loop.time(), self.server_state.connections, self.server_state.tasks
        while not self.force_exit and loop.time() - begun < limits.drain_seconds:
            settled = loop.time() - begun >= limits.settle_seconds
            for connection in list(connections):
                connection.wind_down(settled=settled)  # type: ignore[union-attr]  # ours
            if settled and not connections and not tasks:
                return
            await asyncio.sleep(LOOK_SECONDS)
        logger.warning("stopped with %d connections still open", len(connections))
        for task in tasks:
            task.cancel()


def run(
    application: Any,
    *,
    listener: socket.socket,
    render_error: RenderError,
    workers: int = 1,
    limits: Limits | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. With several workers `application` is an import string, and `render_error` a
    function of a module: each worker is a new process that imports both."""
    limits = limits or Limits()
    config = BoundedConfig(
        application,
        render_error=render_error,
        limits=limits,
        http=BoundedHttp,
        ws=BoundedSocket,
        loop="auto",  # uvloop when it is installed
        lifespan="auto",
        log_config=None,
        log_level="warning",
        access_log=False,  # query strings hold tokens
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES decides, in the application
        ws_max_size=limits.websocket_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_INTERVAL,
        ws_ping_timeout=PING_TIMEOUT,
        timeout_keep_alive=int(limits.keep_alive_seconds),
    )
    if workers > 1:
        several(config, listener, workers)
    else:
        serve(config, listener)


def serve(config: BoundedConfig, listener: socket.socket, *, shared: bool = False) -> None:
    """In this process. Returns when it has gone down."""
    # uvicorn raises the signal again when it has finished, for the handler it found: with this one the exit
    # code is 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    config.configure_logging()  # again: a worker has the pickled configuration, and its loggers know nothing of it
    server = DrainingServer(config)
    server.shares_listener = shared
    server.run(sockets=[listener])


def several(config: BoundedConfig, listener: socket.socket, count: int) -> None:
    """In `count` processes that this one looks after."""
    workers.supervise(partial(serve, shared=True), (config, listener), count=count, listener=listener)
