"""A connection that tells since when it waits for an answer, and that another thread can cut."""

import secrets
import select
import socket
import threading
from contextlib import suppress
from time import monotonic
from typing import Any

import psycopg

_LIFETIME = 3_600  # seconds, and up to a tenth more: connections that were made together do not end together


class WatchedConnection(psycopg.Connection):
    """`patience`: seconds after which the watch ends a wait without asking whether the server lives; None: never."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waits_since = 0.0
        self._cutting = threading.Lock()
        self.patience: float | None = None
        self.used_at = monotonic()
        self.ends_at = self.used_at + _LIFETIME + secrets.randbelow(_LIFETIME // 10)

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Every dialogue with the server goes through here."""
        self._waits_since = monotonic()
        try:
            return super().wait(*args, **kwargs)
        finally:
            with self._cutting:  # whoever cuts has done so before the socket can be another's
                self._waits_since = 0.0

    def waited(self, moment: float) -> float:
        """Seconds that it waits for an answer."""
        since = self._waits_since
        return moment - since if since else 0.0

    def cut(self) -> None:
        """Ends the wait of another thread: to that it looks as if the server had hung up."""
        with self._cutting, suppress(OSError, psycopg.Error):
            if self._waits_since:
                copy = socket.fromfd(self.fileno(), socket.AF_UNSPEC, socket.SOCK_STREAM)
                with copy:
                    copy.shutdown(socket.SHUT_RDWR)

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer: what comes unasked is the server's good-bye. Asks nobody."""
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return not poll.poll(0)
