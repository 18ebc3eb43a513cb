"""One server process: `manage.py serve` on an ephemeral loopback port."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.live import process
from tests.live.database import ROOT

START_SECONDS = 90.0  # patience for a busy machine; R55 asks for 10 and has its own test
STOP_SECONDS = 20.0
_LISTENING = re.compile(rb"listening at http://127\.0\.0\.1:(\d+)/")


class Server:
    """A server that can be killed and started again at the same port; all it prints is kept in `log`."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, command: tuple[str, ...] = (), *, code: Path = ROOT
    ) -> None:
        self.environment = dict(environment)
        self.log = log
        self.code = code  # the checkout that it runs
        self.port = 0
        self._command = command or ("manage.py", "serve", "--host", "127.0.0.1", "--port")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def direct(self) -> "Server":
        """One server process: itself, unless something stands in front (`nginx.Front`)."""
        return self

    @property
    def pids(self) -> list[int]:
        """The server and its child processes."""
        return process.family(self._process.pid) if self._process else []

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._process is not None
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """Its worker processes, where it has several."""
        return process.workers(self.pid)

    def start(self, *, ready_path: str = "/readyz") -> "Server":
        """Starts and waits until it is ready; the text of its log is the complaint when it never is."""
        begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command, str(self.port)],
                cwd=self.code,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            listening = _LISTENING.search(self.log.read_bytes()[begun:])
            if listening:
                self.port = int(listening[1])
                if self.status(ready_path) == 200:
                    return self
            time.sleep(0.02)
        self.kill()
        raise AssertionError("the server did not start:\n" + self.log.read_text(errors="replace")[begun:][-4000:])

    def status(self, path: str) -> int:
        """The status of a GET, 0 when nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0

    def terminate(self) -> None:
        """SIGTERM, to it alone."""
        os.kill(self.pid, signal.SIGTERM)

    def abandon(self) -> None:
        """kill -9 to the process that was started, none to its children."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait(STOP_SECONDS)
        self._process = None

    def wait(self) -> int:
        """The exit code, once it has ended."""
        assert self._process is not None
        code = self._process.wait(START_SECONDS)
        self._process = None
        return code

    def kill(self) -> None:
        """kill -9, children included."""
        if self._process is None:
            return
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        self._process = None

    def stop(self) -> int:
        """SIGTERM; the exit code, or -9 when it had to be killed."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL
        self._process = None
        return code

    def restart(self) -> "Server":
        """kill -9 and a new start at the same port."""
        self.kill()
        return self.start()
