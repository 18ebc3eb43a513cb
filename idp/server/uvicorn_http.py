"""uvicorn's HTTP protocol with the bounds on heads that uvicorn lacks, and the way down of R59.

uvicorn reads a head of any size for as long as the client likes. The bounds on bodies are kept in the ASGI
bridge, which reads them; here is only what happens before there is an application to ask.
"""

# The methods are uvicorn's and httptools', documented there.
# ruff: noqa: D102

from asyncio import TimerHandle
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from idp.server import state
from idp.server.limits import Limits, RenderError
from idp.server.request_clock import Phase, RequestClock
from idp.server.responses import refusal

MOST_WAITING = 32  # requests that a client sends before it has the answers to those before; browsers send none


class BoundedConfig(Config):
    """Carries the hook to the protocols, into worker processes too: it must be a function of a module, and importing
    that module must need no Django that is set up."""

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
        self._takes_no_more = False  # so many requests wait for their answers that no further is read
        self._clock = RequestClock(self.config.limits)
        self._timer: TimerHandle = self.loop.call_later(self._clock.wait(), self._look_at_the_clock)
        self._end: TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._takes_no_more or self._clock.phase is Phase.CLOSING:
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
        if len(self.pipeline) >= MOST_WAITING:
            self._takes_no_more = True
            self.cycle.keep_alive = False  # the last that is answered
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._takes_no_more or self._clock.phase is Phase.CLOSING:
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
            if state.draining and not self.parser.should_upgrade():
                self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        if not self._takes_no_more and self._clock.phase is not Phase.CLOSING:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._takes_no_more and self._clock.phase is not Phase.CLOSING:
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

    def wind_down(self, *, settled: bool) -> None:
        """The process is going down: finish this request and take no other, but one that is on its way."""
        if self._clock.phase in (Phase.FRESH, Phase.IDLE):
            if settled:
                self._close()
        elif self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def _block_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _look_at_the_clock(self) -> None:
        wait = self._clock.wait()
        if wait > 0:
            self._timer = self.loop.call_later(wait, self._look_at_the_clock)
        elif self._clock.phase is Phase.HEAD:
            self._refuse(408)
        else:
            self._close()

    def _refuse(self, status: int) -> None:
        if self._clock.phase is Phase.CLOSING:
            return
        self._clock.enter(Phase.CLOSING)
        path = self.url.partition(b"?")[0].decode("latin-1") or "/"
        headers, body = self.config.render_error(status, path, "")
        self.transport.write(refusal(status, headers, body))
        self._close()

    def _close(self) -> None:
        """What is still to be sent has a moment; a client that fetches nothing would hold the connection for ever."""
        self.transport.close()
        if self._end is None:
            self._end = self.loop.call_later(self.config.limits.linger_seconds, self.transport.abort)
