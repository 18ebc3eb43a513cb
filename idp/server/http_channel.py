"""One TCP connection that speaks HTTP, with the size bounds of R41 and the deadlines of R42.

Twisted's channel bounds a head by 400 and a body not at all, and drops only silent connections. This one
refuses with the status that says why and in the form of the path's owner, as early as the bytes allow: a body
that is too large by its Content-Length is refused before `100 Continue` asks for it.
"""

# The methods are Twisted's and autobahn's, named and documented there.
# ruff: noqa: D102, N802

from typing import Any

from twisted.internet import reactor
from twisted.web import http

from idp.server import state
from idp.server.request_clock import Phase, RequestClock
from idp.server.responses import refusal

CRLF = 2


class BodyTooLarge(Exception):
    """Raised through Twisted's body decoder, which has no other way to stop."""


class BoundedChannel(http.HTTPChannel):
    """The factory that builds it must have a `server` with `limits`, `body_limit`, `render_error` and
    `channels`."""

    persistent: bool  # Twisted's; untyped there

    def connectionMade(self) -> None:
        self._server: Any = self.factory.server
        self._limits = self._server.limits
        self.clock = RequestClock(self._limits)
        self._begin_request()
        # Twisted answers 400 where R41 wants 414 and 431: its own bounds lie just behind ours and are never
        # reached.
        self.MAX_LENGTH = self._limits.head_bytes
        self.totalHeadersSize = self._limits.head_bytes + 1
        self.maxHeaders = self._limits.headers + 1
        super().connectionMade()
        self._server.channels.add(self)
        self._timer = reactor.callLater(self.clock.wait(), self._look_at_the_clock)

    def connectionLost(self, reason: Any) -> None:
        self.let_go()
        super().connectionLost(reason)

    def let_go(self) -> None:
        """The connection is closed, or a websocket owns it from now on."""
        self._server.channels.discard(self)
        if self._timer.active():
            self._timer.cancel()

    # Reading: Twisted calls these in this order for every request

    def dataReceived(self, data: bytes) -> None:
        if self.clock.phase in (Phase.FLUSHING, Phase.CLOSING):
            return
        if self.clock.phase in (Phase.FRESH, Phase.IDLE):
            self._begin_head()
        super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:
        if self.clock.phase is Phase.IDLE:
            self._begin_head()
        self._head_bytes += len(line) + CRLF
        if line and not self._asked_method:
            if status := self._read_request_line(line):
                return self.refuse(status)
        elif self._head_bytes > self._limits.head_bytes:
            return self.refuse(431)
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        if not self._asked_method:
            self._read_request_line(line)
            return self.refuse(414)
        self.refuse(431)

    def headerReceived(self, line: bytes) -> bool:
        self._header_count += 1
        if self._header_count > self._limits.headers:
            self.refuse(431)
            return False
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # int() refuses a Content-Length of more than 4300 digits
            self.refuse(400)
            return False

    def allHeadersReceived(self) -> None:
        self._body_limit = self._server.body_limit(self._asked_method, self._asked_raw_path)
        if self.length is not None and self.length > self._body_limit:
            return self.refuse(413)
        # daphne would let any client set the application's root path with this header.
        self.requests[-1].requestHeaders.removeHeader(b"daphne-root-path")
        super().allHeadersReceived()
        self.clock.enter(Phase.BODY)

    def rawDataReceived(self, data: bytes) -> None:
        if self.clock.phase is Phase.CLOSING:
            return
        self.clock.body_bytes += len(data)
        try:
            super().rawDataReceived(data)
        except BodyTooLarge:
            self.refuse(413)

    def body_received(self, size: int) -> None:
        """Called by the request for every decoded piece: the framing of chunks does not count."""
        self._body_bytes += size
        if self._body_bytes > self._body_limit:
            raise BodyTooLarge

    def allContentReceived(self) -> None:
        self.clock.enter(Phase.HANDLING)
        super().allContentReceived()

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        if state.draining:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    def requestDone(self, request: Any) -> None:
        self.clock.enter(Phase.IDLE if self.persistent else Phase.FLUSHING)
        super().requestDone(request)

    # Closing

    def refuse(self, status: int) -> None:
        """Answer, send no more, and throw away what still comes for a moment.

        Closing at once with unread bytes in the socket would reset the connection, and the client might never
        see the answer.
        """
        if self.clock.phase is Phase.CLOSING:
            return
        self.clock.enter(Phase.CLOSING)
        self.clearLineBuffer()
        accept = self.requests[-1].requestHeaders.getRawHeaders(b"accept", [b""])[0] if self.requests else b""
        headers, body = self._server.render_error(status, self._asked_path, accept.decode("latin-1"))
        self.transport.write(refusal(status, headers, b"" if self._asked_method == "HEAD" else body))
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()
        self.transport.resumeProducing()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Twisted's one way to say 400; named with an underscore, but called by its request class too."""
        self.refuse(400)

    def wind_down(self, *, settled: bool) -> None:
        """The process is going down (R59): finish this request and take no other."""
        if self.clock.phase in (Phase.FRESH, Phase.IDLE):
            if settled:
                self.clock.enter(Phase.FLUSHING)
                self.loseConnection()
        elif self.clock.phase in (Phase.BODY, Phase.HANDLING) and self.persistent:
            self.persistent = False
            for request in self.requests:
                request.responseHeaders.setRawHeaders(b"Connection", [b"close"])

    def _look_at_the_clock(self) -> None:
        wait = self.clock.wait()
        if wait <= 0:
            self._time_is_up()
            wait = self.clock.wait()
        self._timer = reactor.callLater(max(wait, 0.001), self._look_at_the_clock)

    def _time_is_up(self) -> None:
        if self.clock.phase in (Phase.FLUSHING, Phase.CLOSING):
            self.transport.abortConnection()
        elif self._inside_a_request():
            self.refuse(408)
        else:
            self.clock.enter(Phase.CLOSING)
            self.loseConnection()

    def _inside_a_request(self) -> bool:
        """A 408 to one who has asked nothing would be taken for the answer to the next request."""
        if self.clock.phase is Phase.HEAD:
            return bool(self._asked_method or self.clearLineBuffer().strip())
        return self.clock.phase is Phase.BODY

    # The request so far

    def _begin_head(self) -> None:
        self.clock.enter(Phase.HEAD)
        self._begin_request()

    def _begin_request(self) -> None:
        self._asked_method, self._asked_path, self._asked_raw_path = "", "/", b"/"
        self._head_bytes = self._header_count = self._body_bytes = self._body_limit = 0

    def _read_request_line(self, line: bytes) -> int:
        """Remember method and path for bounds and errors. Returns the status to refuse with, or 0.

        Only the origin form (`/path`) is taken: a server that is no proxy needs no other but `OPTIONS *`,
        which asks nothing here. Versions and the method's characters are checked by Twisted, behind this.
        """
        method, _, rest = line.partition(b" ")
        target = rest.partition(b" ")[0]
        if not line.isascii() or not method:
            return 400
        self._asked_method = method.decode("ascii")
        if not target.startswith(b"/"):
            return 400
        self._asked_raw_path = target.partition(b"?")[0][: self._limits.url_bytes]
        self._asked_path = self._asked_raw_path.decode("ascii")
        return 414 if len(target) > self._limits.url_bytes else 0
