"""A mail server that can be away: it takes every mail, and remembers to whom and in what order."""

import socket
import threading
from contextlib import suppress
from typing import Any

from tests.live.redis_server import free_port


class MailServer:
    """At one port of the loopback interface, which is closed while it is away."""

    def __init__(self) -> None:
        self.port = free_port()
        self.taken: list[str] = []
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def come(self) -> "MailServer":
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()
        return self

    def go(self) -> None:
        """Connections are refused from now on."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a client
            self._listener.close()
            self._listener = None

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it is gone
            while True:
                client, _ = listener.accept()
                with client, client.makefile("rwb", 0) as stream, suppress(OSError):
                    self._talk(stream)

    def _talk(self, stream: Any) -> None:
        stream.write(b"220 here\r\n")
        recipient = ""
        while line := stream.readline().strip():
            word = line[:4].upper()
            if word == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0].decode()
            if word == b"DATA":
                stream.write(b"354 go on\r\n")
                for _ in iter(stream.readline, b".\r\n"):
                    pass
                self.taken.append(recipient)
            stream.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return
