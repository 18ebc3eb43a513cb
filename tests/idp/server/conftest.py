"""A server in a subprocess, and a client that writes raw bytes to it."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SHORT = {
    "head_seconds": 0.6,
    "body_seconds": 1.6,
    "body_grace_seconds": 0.6,
    "keep_alive_seconds": 0.7,
    "linger_seconds": 0.4,
    "websocket_close_seconds": 1.5,
    "settle_seconds": 0.1,
    "drain_seconds": 5.0,
}
PATIENCE = 20  # seconds; only a broken server takes that long


class Client:
    """One connection. `receive` reads until the server closes, or until `enough` answers have come."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.received = b""

    def send(self, data: bytes) -> "Client":
        self.socket.sendall(data)
        return self

    def receive(self, enough: int | None = None) -> list["Answer"]:
        while enough is None or len(self.answers()) < enough:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                break
            self.received += data
        return self.answers()

    def answers(self) -> list["Answer"]:
        answers, rest = [], self.received
        while found := re.match(rb"HTTP/1\.[01] (\d+)[^\r]*\r\n((?:[^\r\n]+\r\n)*)\r\n", rest):
            head = found[2].decode("latin-1").lower()
            length = int(match[1]) if (match := re.search(r"content-length: (\d+)", head)) else 0
            if len(rest) < found.end() + length:
                break
            answers.append(Answer(int(found[1]), head, rest[found.end() : found.end() + length]))
            rest = rest[found.end() + length :]
        return answers

    def until_closed(self, drip: bytes = b"", every: float = 0.1) -> float:
        """Seconds until the server closes, while `drip` is sent again and again."""
        begun = time.monotonic()
        self.socket.settimeout(every)
        while time.monotonic() - begun < PATIENCE:
            try:
                if drip:
                    self.socket.sendall(drip)
                data = self.socket.recv(65536)
                self.received += data
                if not data:
                    return time.monotonic() - begun
            except TimeoutError:
                continue
            except OSError:
                return time.monotonic() - begun
        raise AssertionError("the server keeps the connection open")


class Answer:
    def __init__(self, status: int, head: str, body: bytes) -> None:
        self.status, self.head, self.body = status, head, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RunningServer:
    def __init__(self, kind: str, **limits: Any) -> None:
        program = str(Path(__file__).with_name("echo_server.py"))
        command = [sys.executable, program, kind, json.dumps(SHORT | limits)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stderr
        self._output, self._log = self.process.stdout, self.process.stderr
        self.port = int(self._output.readline())
        self.printed: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.ask(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")

    def _read(self) -> None:
        for line in self._output:
            self.printed.append(line.strip())

    def connect(self) -> Client:
        return Client(self.port)

    def ask(self, data: bytes) -> Answer:
        return self.connect().send(data).receive(1)[0]

    def until_printed(self, line: str) -> None:
        wait_for(lambda: line in self.printed, f"the application never printed {line!r}: {self.printed}")

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Signals, then as `end`."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> tuple[int, str]:
        """Exit code and what was written to the log, of a server that was told to stop.

        It gets no second signal: Python gives signals back to the system while it exits, so one that comes then
        kills a process that had ended well.
        """
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return code, self._log.read()


def wait_for(condition: Callable[[], Any], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """One daphne for all tests of a file; whatever they do to it, nothing is logged and it ends with 0."""
    running = RunningServer("daphne")
    yield running
    code, log = running.stop()
    assert (code, log) == (0, "")


@pytest.fixture
def start() -> Iterator[Callable[..., RunningServer]]:
    """Servers of a test's own."""
    started: list[RunningServer] = []

    def starter(kind: str = "daphne", **limits: Any) -> RunningServer:
        started.append(RunningServer(kind, **limits))
        return started[-1]

    yield starter
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
