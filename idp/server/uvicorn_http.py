"""uvicorn's HTTP and websocket protocols with the bounds on heads that uvicorn lacks, and its two unlike
close codes.

uvicorn reads a head of any size for as long as the client likes. The bounds on bodies are kept in the ASGI
bridge, which reads them; here is only what happens before there is an application to ask.
"""

# The methods are uvicorn's and httptools', documented there.
# ruff: noqa: D102

from asyncio import TimerHandle
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from idp.server import state
from idp.server.limits import Limits, RenderError
from idp.server.request_clock import Phase, RequestClock
from idp.server.responses import refusal

GOING_AWAY = 1001


class BoundedConfig(Config):
    """Carries the hook to the protocols, into worker processes too: it must be a function of a module."""

    def __init__(self, *args: Any, render_error: RenderError, limits: Limits, **options: Any) -> None:
        super().__init__(*args, **options)
        self.render_error, self.limits = render_error, limits


class BoundedHttp(HttpToolsProtocol):
    """Head bounds and deadline; everything else is uvicorn's."""

    config: BoundedConfig

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.url = b""
        self._in_head, self._head_bytes = False, 0
        self._clock = RequestClock(self.config.limits)
        self._timer: TimerHandle = self.loop.call_later(self._clock.wait(), self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._clock.phase is Phase.CLOSING:
            return
        if self._clock.phase in (Phase.FRESH, Phase.IDLE):
            self._clock.enter(Phase.HEAD)
        super().data_received(data)
        if self._in_head:
            # One read may end a body and begin the next head; counting all of it errs by one read at most.
            self._head_bytes += len(data)
            if self._head_bytes > self.config.limits.head_bytes:
                self._refuse(414 if len(self.url) > self.config.limits.url_bytes else 431)

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._clock.phase is Phase.CLOSING:
            return
        limits = self.config.limits
        self._clock.enter(Phase.HANDLING)
        if len(self.url) > limits.url_bytes:
            self._refuse(414)
        elif len(self.headers) > limits.headers or self._block_bytes() > limits.head_bytes:
            self._refuse(431)
        elif not self.url.startswith(b"/") or not self.url.isascii():
            self._refuse(400)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._clock.phase is not Phase.CLOSING:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._clock.phase is not Phase.CLOSING:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self._clock.enter(Phase.HEAD if self._in_head else Phase.IDLE)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        if self._clock.phase is not Phase.CLOSING:
            self._timer.cancel()
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400)

    def shutdown(self) -> None:
        """uvicorn tells every connection that the process is going down; those that stay open may ask
        `/readyz`."""
        state.draining = True
        super().shutdown()

    def _block_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _look_at_the_clock(self) -> None:
        wait = self._clock.wait()
        if wait > 0:
            self._timer = self.loop.call_later(wait, self._look_at_the_clock)
        elif self._clock.phase is Phase.HEAD:
            self._refuse(408)
        else:
            self.transport.close()

    def _refuse(self, status: int) -> None:
        if self._clock.phase is Phase.CLOSING:
            return
        self._clock.enter(Phase.CLOSING)
        path = self.url.partition(b"?")[0].decode("latin-1") or "/"
        headers, body = self.config.render_error(status, path, "")
        self.transport.write(refusal(status, headers, body))
        self.transport.close()


class GoingAwayWebSocket(WebSocketsSansIOProtocol):
    """The websocket of uvicorn with our close code."""

    def shutdown(self) -> None:
        """1001 where uvicorn says 1012 (R59): the clients of all doors take it for "come again"."""
        if not self.close_sent and self.handshake_complete:
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": GOING_AWAY})
            self.conn.send_close(GOING_AWAY)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        else:
            super().shutdown()
