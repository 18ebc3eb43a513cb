"""One websocket: standard close codes, a bounded outbox, refusals in the form of the path's owner (R43,
R44)."""

# The methods are Twisted's and autobahn's, named and documented there.
# ruff: noqa: D102, N802, N803

from typing import Any

from autobahn.util import encode_truncate
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor

from idp.server.outbox import Outbox
from idp.server.responses import refusal

STANDARD_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
GOING_AWAY = 1001
POLICY = 1008
TOO_SLOW = 4408
_SMALL, _NOW_AND_THEN = 4096, 64  # small messages are added up only now and then
LONGEST_REASON = 123  # bytes; the rest of a control frame (RFC 6455 section 5.5)


class BoundedWebSocket(WebSocketProtocol):
    """Takes the transport over from the channel after the upgrade."""

    client_addr: Any = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self._limits = self.factory.server_class.limits
        self.outbox = Outbox(
            self.transport,
            max_bytes=self._limits.unsent_bytes,
            max_messages=self._limits.unsent_messages,
            overflowed=self._too_slow,
        )

    # To the client

    def handle_reply(self, message: dict[str, Any]) -> None:
        """daphne drops the reason of a close, and autobahn's `sendClose` raises on 1001, 1003, 1008, 1009 and
        1012."""
        if message.get("type") == "websocket.close" and self.state != self.STATE_CONNECTING:
            self.close(message.get("code") or 1000, message.get("reason") or "")
        else:
            super().handle_reply(message)

    def close(self, code: int, reason: str = "") -> None:
        if code not in STANDARD_CODES and not 3000 <= code <= 4999:
            raise ValueError(f"no application may close a websocket with {code}")
        self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, LONGEST_REASON) if reason else None)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        """After a close nothing is sent and nothing raised: the application cannot have known (autobahn
        raises)."""
        if self.state in (self.STATE_CONNECTING, self.STATE_OPEN):
            super().serverSend(content, binary)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        self.outbox.send(data)

    def _too_slow(self) -> None:
        """Close without waiting for the reader: the application is told at once, and the close frame goes out
        behind what is on its way, if it can be sent before `websocket_close_seconds` have passed; else the
        connection is aborted."""
        self.application_queue.put_nowait({"type": "websocket.disconnect", "code": TOO_SLOW})
        self.muted = True
        self.close(TOO_SLOW, "too slow")

    # From the client

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """What comes while the application is busy waits, up to one message's size and `waiting_messages`."""
        super().onMessage(payload, isBinary)
        waiting = self.application_queue.qsize()
        if waiting <= 1 or self.muted or (len(payload) < _SMALL and waiting % _NOW_AND_THEN):
            return
        sizes = (len(message.get("text") or message.get("bytes") or "") for message in self.application_queue._queue)
        if waiting > self._limits.waiting_messages or sum(sizes) > self._limits.websocket_bytes:
            self.application_queue.put_nowait({"type": "websocket.disconnect", "code": POLICY})
            self.muted = True
            self.close(POLICY, "too much at once")

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """A handshake that failed never reached the application; daphne's method would stumble over that."""
        if hasattr(self, "server"):
            super().onClose(wasClean, code, reason)

    def dropConnection(self, abort: bool = False) -> None:
        """Abort only what did not end well, and never wait for ever for the last bytes to be taken."""
        if not abort or self.wasClean:
            self.outbox.flush()
            reactor.callLater(self._limits.linger_seconds, self.transport.abortConnection)
        super().dropConnection(abort=abort and not self.wasClean)

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """Refuse a handshake. autobahn's reasons quote the request, and 505 is no fault of this server:
        400."""
        path, accept = getattr(self, "http_request_path", "/"), self.http_headers.get("accept", "")
        status = 400 if code == 505 else code
        headers, body = self.factory.server_class.render_error(status, path, accept)
        extra = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in responseHeaders or ()]
        self.sendData(refusal(status, [*headers, *extra], body))

    def handle_exception(self, exception: Exception) -> None:
        """The application failed: 500 in the handshake, else 1011 if there is still a socket to close."""
        if self.state == self.STATE_CONNECTING:
            super().handle_exception(exception)
        else:
            self.sendCloseFrame(code=1011)
