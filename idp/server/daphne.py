"""daphne with the bounds of R41-R44 and the way down of R59.

Importing this module installs Twisted's asyncio reactor (daphne does): import it only to start the server.
"""

import asyncio
import logging
import signal
import socket
from typing import Any

from daphne.http_protocol import HTTPFactory
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory
from twisted.internet import defer, reactor
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)

from idp.server.drain import Drain
from idp.server.http_channel import BoundedChannel
from idp.server.http_request import BoundedRequest
from idp.server.limits import BodyLimit, Limits, RenderError
from idp.server.websocket import BoundedWebSocket

logger = logging.getLogger("idp.server")

PING_INTERVAL, PING_TIMEOUT = 25, 20  # seconds (R44)
CANCEL_SECONDS = 1.0  # for applications that are cancelled to notice


class BoundedFactory(HTTPFactory):
    """Builds the channels, with our request class and without Twisted's timer."""

    protocol = BoundedChannel

    def __init__(self, server: "BoundedServer") -> None:
        super().__init__(server)
        self.timeOut = None  # Twisted's timer sees only silence; the channel's clock replaces it

    def log(self, request: Any) -> None:
        """Nothing: Twisted would format an access line with the query, tokens included, for every request (R51)."""

    def buildProtocol(self, address: Any) -> Any:  # noqa: N802  (Twisted's)
        """One channel for one connection."""
        channel = super().buildProtocol(address)
        channel.requestFactory = BoundedRequest
        return channel


class BoundedWebSocketFactory(WebSocketFactory):
    """Builds the websockets."""

    protocol = BoundedWebSocket


class BoundedServer(Server):
    """Serves `application` on `listener`, a listening socket, until SIGTERM or SIGINT; then `run` returns."""

    def __init__(
        self,
        application: Any,
        *,
        listener: socket.socket,
        body_limit: BodyLimit,
        render_error: RenderError,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(
            application,
            endpoints=["a socket"],  # daphne refuses to be built without; `run` adopts the listener
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            server_name="",  # no Server header
        )
        self.listener = listener
        self.body_limit, self.render_error = body_limit, render_error
        self.limits = limits or Limits()
        self.connections: dict[Any, dict[str, Any]] = {}
        self.channels: set[BoundedChannel] = set()

    def run(self) -> None:
        """daphne's own builds its own factories and leaves the signals to Twisted, which stops at once."""
        _only_errors_are_logged()
        loop = reactor._asyncioEventloop  # as daphne does: the reactor has no public name for it
        asyncio.set_event_loop(loop)
        self.ws_factory = self._websocket_factory()
        self.http_factory = BoundedFactory(self)
        self.port = reactor.adoptStreamPort(self.listener.fileno(), self.listener.family, self.http_factory)
        self.listener.close()  # Twisted has its own copy
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        drain = Drain(self)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, drain.signalled, number)
        reactor.run(installSignalHandlers=False)

    def _websocket_factory(self) -> BoundedWebSocketFactory:
        factory = BoundedWebSocketFactory(self, server=None)
        factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            closeHandshakeTimeout=self.limits.websocket_close_seconds,
            maxMessagePayloadSize=self.limits.websocket_bytes,
            maxFramePayloadSize=self.limits.websocket_bytes,
            failByDrop=False,  # bad frames are answered with 1002, 1007 or 1009 before the connection goes
        )
        return factory

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """A burst lets the event loop turn, so that a reader who keeps up is not taken for slow."""
        await super().handle_reply(protocol, message)
        outbox = getattr(protocol, "outbox", None)
        if outbox is not None and outbox.crowded:
            await asyncio.sleep(0)

    def protocol_disconnected(self, protocol: Any) -> None:
        """A rejected websocket says so twice; the second time daphne may have forgotten it, and raises."""
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

    def running_applications(self) -> list["asyncio.Future[Any]"]:
        """Those of requests and websockets that have not returned yet."""
        found = (details.get("application_instance") for details in self.connections.values())
        return [application for application in found if application is not None and not application.done()]

    def kill_all_applications(self) -> Any:
        """Cancel what is left. daphne's raises KeyError without an application, and may wait for ever."""
        running = self.running_applications()
        for application in running:
            application.cancel()
        if not running:
            return None
        return defer.Deferred.fromFuture(asyncio.ensure_future(asyncio.wait(running, timeout=CANCEL_SECONDS)))


def _only_errors_are_logged() -> None:
    """Twisted and autobahn tell of every client that misbehaves; the log gets what went wrong in here."""
    predicate = LogLevelFilterPredicate(LogLevel.critical)
    observer = FilteringLogObserver(STDLibLogObserver("idp.server"), [predicate])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
