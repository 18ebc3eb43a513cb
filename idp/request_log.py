"""The request log: one JSON line for each request and each socket that opens or closes (R51).

Not through `logging`: its chain costs 30 to 60 µs a line, and a reader of the log that has stopped would hold up the
event loop. Lines are queued and a thread writes them; one that nobody takes in time is dropped and counted. What
stands in a line is listed here and nowhere else: no query, no header, no body can come in.
"""

import atexit
import logging
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from functools import lru_cache

from django.conf import settings

from accounts import figures
from accounts.visits import Visit
from idp import masking

_MOST_WAITING = 20_000  # lines
_GATHER = 0.05  # seconds for which lines are gathered before they are written together
_MOST_AT_ONCE = 4096  # bytes: what a pipe takes without mixing it with the lines of other processes (PIPE_BUF)


class _Writer:
    """Writes lines to standard error from a thread of its own, which starts with the first line."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque()
        self._something = threading.Event()
        self._start = threading.Lock()
        self._write = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, line: bytes) -> None:
        """Never waits, never fails."""
        if len(self._lines) >= _MOST_WAITING:
            figures.LOST_LINES.add()
            return
        self._lines.append(line)
        if not self._something.is_set():
            self._something.set()
            if self._thread is None:
                self._started()

    def flush(self) -> None:
        """Writes what waits, in the caller's thread."""
        with self._write:
            self._drain()

    def _started(self) -> None:
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="request-log", daemon=True)
                self._thread.start()
                atexit.register(self.flush)

    def _work(self) -> None:
        while True:
            self._something.wait()
            time.sleep(_GATHER)
            self._something.clear()
            self.flush()

    def _drain(self) -> None:
        descriptor, size = _descriptor(), 0
        batch: list[bytes] = []
        while self._lines:
            line = self._lines.popleft()
            if batch and size + len(line) > _MOST_AT_ONCE:
                _write_all(descriptor, b"".join(batch))
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        if batch:
            _write_all(descriptor, b"".join(batch))


def _descriptor() -> int:
    with suppress(Exception):
        return sys.stderr.fileno()
    return 2


def _write_all(descriptor: int, content: bytes) -> None:
    """A log that is closed or full must not end anything else."""
    view = memoryview(content)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            time.sleep(_GATHER)
        except OSError:
            figures.LOST_LINES.add(by=content.count(b"\n"))
            return


_writer = _Writer()
put = _writer.put
flush = _writer.flush


def request(visit: Visit, method: str, path: str, status: int, seconds: float, door: str) -> None:
    """One request that has been answered."""
    moment = time.time()
    second, is_on = _second(int(moment))
    if is_on:
        what = f'"event":"request","method":"{method}","status":{status},"ms":{seconds * 1000:.2f},'
        put(_line(what, visit, path, door, f"{second}.{int(moment % 1 * 1000):03d}Z"))


def socket(event: str, visit: Visit, path: str, door: str, *, code: int = 0, seconds: float = 0.0) -> None:
    """A websocket that was opened, refused or closed; `code` is that of the close frame."""
    moment = time.time()
    second, is_on = _second(int(moment))
    if is_on:
        closed = f'"code":{code},"ms":{seconds * 1000:.2f},' if code else ""
        put(_line(f'"event":"{event}",{closed}', visit, path, door, f"{second}.{int(moment % 1 * 1000):03d}Z"))


def _line(what: str, visit: Visit, path: str, door: str, moment: str) -> bytes:
    """JSON by hand, at a third of a library's cost: every value is a number, one of our own words, or has been made
    such that it holds no quote, backslash or control character (`masking`, the visit's id and address)."""
    ip = f'"{visit.ip}"' if visit.ip else "null"
    reason = f'"reason":"{visit.reason}",' if visit.reason else ""
    return (
        f'{{{what}"id":"{visit.id}","path":"{masking.shown(path)}","ip":{ip},"user":{visit.user_id or "null"},'
        f'"door":"{door}",{reason}"level":"info","logger":"latchkey.request","timestamp":"{moment}"}}\n'
    ).encode("ascii", "replace")


@lru_cache(maxsize=2)
def _second(second: int) -> tuple[str, bool]:
    """A second in ISO 8601, and whether requests are logged: the setting says so, and they are not below the least
    severity."""
    is_on = bool(settings.REQUEST_LOG) and logging.root.getEffectiveLevel() <= logging.INFO
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)), is_on
