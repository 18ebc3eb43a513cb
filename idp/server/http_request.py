"""One HTTP request: daphne's, without its pages, its temporary files and its second parsing of forms."""

# The methods are Twisted's and autobahn's, named and documented there.
# ruff: noqa: D102, N802

from io import BytesIO
from typing import Any

from daphne.http_protocol import WebRequest


class BoundedRequest(WebRequest):
    """Built by the channel for every request line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Django parses forms itself, and answers a malformed one in the owner's form where Twisted says a
        # bare 400.
        super().__init__(*args, parsePOSTFormSubmission=False, **kwargs)

    def gotLength(self, length: int | None) -> None:
        """Twisted spools chunked bodies into a file: they are bounded here, and hold secrets that belong on
        no disk."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        self.channel.body_received(len(data))
        super().handleContentChunk(data)

    def process(self) -> Any:
        """Upgrade only what can become a websocket; daphne hands over every method and version, and lets it
        fail."""
        upgrade = self.requestHeaders.getRawHeaders(b"upgrade", [b""])[0].lower()
        if upgrade != b"websocket":
            return super().process()
        if self.method != b"GET" or self.clientproto != b"HTTP/1.1" or self.content.getbuffer().nbytes:
            self.requestHeaders.removeHeader(b"upgrade")
            return super().process()
        names = self.requestHeaders.getRawHeaders(b"sec-websocket-protocol", [])
        if not all(value.isascii() for value in names):
            return self.basic_error(400, b"Bad Request", "")
        channel = self.channel
        done = super().process()
        if self.transport is None:  # daphne's sign that the websocket has taken the transport over
            channel.let_go()
        return done

    def handle_exception(self, exception: Exception) -> None:
        """daphne's raises when half an answer is out, which ends the loop that looks after all
        connections."""
        if self._response_started and not self.finished and self.channel is not None:
            self.channel.transport.abortConnection()
        else:
            super().handle_exception(exception)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """In the form of the path's owner; the texts that daphne passes name daphne and stay here."""
        accept = self.requestHeaders.getRawHeaders(b"accept", [b""])[0].decode("latin-1")
        headers, content = self.server.render_error(status, self.path.decode("latin-1"), accept)
        length = (b"Content-Length", b"%d" % len(content))
        self.handle_reply({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        self.handle_reply({"type": "http.response.body", "body": content})
