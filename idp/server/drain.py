"""The way down: SIGTERM or SIGINT lets requests in flight finish, closes websockets with 1001, and ends
(R59)."""

import asyncio
import logging
import signal
from typing import Any

from twisted.internet import reactor

from idp.server import state
from idp.server.listen import take_no_more
from idp.server.websocket import GOING_AWAY, BoundedWebSocket

logger = logging.getLogger("idp.server")

LOOK_SECONDS = 0.05
_READS = 10  # Twisted accepts up to a hundred connections each; no more than the backlog can wait


class Drain:
    """One per server; `signalled` is its signal handler."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._task: asyncio.Task[None] | None = None

    def signalled(self, number: signal.Signals) -> None:
        """The second Ctrl-C means it; a second SIGTERM does not (supervisors repeat themselves)."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._drain())
        elif number == signal.SIGINT:
            self._stop()

    async def _drain(self) -> None:
        state.draining = True
        self._stop_accepting()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while loop.time() - begun < self._server.limits.drain_seconds:
            settled = loop.time() - begun >= self._server.limits.settle_seconds
            for channel in list(self._server.channels):
                channel.wind_down(settled=settled)
            self._close_websockets()
            if settled and not self._busy():
                break
            await asyncio.sleep(LOOK_SECONDS)
        else:
            logger.warning("stopped with %d connections still open", len(self._server.channels))
        self._stop()

    def _stop_accepting(self) -> None:
        """Take what the kernel has accepted already, which closing the socket would reset."""
        port = self._server.port
        take_no_more(port.socket)
        for _ in range(_READS):
            port.doRead()
        port.stopListening()

    def _close_websockets(self) -> None:
        """Also called for one that opens while the process is going down."""
        for protocol in list(self._server.connections):
            if isinstance(protocol, BoundedWebSocket) and protocol.state == protocol.STATE_OPEN:
                protocol.close(GOING_AWAY, "the server is going down")

    def _busy(self) -> bool:
        open_websockets = (
            isinstance(protocol, BoundedWebSocket) and "disconnected" not in details
            for protocol, details in self._server.connections.items()
        )
        return bool(self._server.channels or self._server.running_applications() or any(open_websockets))

    @staticmethod
    def _stop() -> None:
        if reactor.running:
            reactor.stop()
