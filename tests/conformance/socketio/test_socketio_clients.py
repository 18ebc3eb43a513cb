"""`/socket.io/` against socket.io-client 2.0.4, 2.5, 3.1 and 4.8 from npm, on our daphne and our uvicorn."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.live import nginx
from tests.live.database import ROOT

HERE = Path(__file__).parent
LEAST_CHECKS = 4 * 3 * 16 + 2 * 2
PATIENCE = 240
Opened = Callable[..., "Door"]


def node_with_clients() -> str:
    """The path of node."""
    return node_in(HERE, "socket.io-client-31", runs="the real Socket.IO clients")


class EchoServer:
    """The echo door in a process of its own, at a port that it may keep."""

    def __init__(self, kind: str, folder: Path, port: int = 0, *more: str) -> None:
        environment = {"VAR_DIR": str(folder), "RATE_LIMIT_SCALE": "1"}
        environment |= {name: os.environ[name] for name in ("PATH", "REDIS_URL") if name in os.environ}
        self.log = folder / "log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.conformance.socketio.echo_server", kind, str(port), *more],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        return self.process.wait(PATIENCE)


class Door:
    """One echo server; with BEHIND_NGINX=1 two of them behind the shipped site, which stays while they come and go."""

    def __init__(self, kind: str, folder: Path, *more: str) -> None:
        self._kind, self._folder, self._more = kind, folder, more
        self._nginx = nginx.Nginx(folder) if nginx.in_front() else None
        self._servers = [self._server() for _ in range(2 if self._nginx else 1)]
        self.log = self._servers[0].log
        ports = [server.port for server in self._servers]
        self.port = self._nginx.port if self._nginx else ports[0]
        if self._nginx:
            self._nginx.start(ports)

    def stop(self) -> list[int]:
        """All at the same moment; their exit codes."""
        for server in self._servers:
            server.end()
        return [server.wait() for server in self._servers]

    def come_again(self) -> None:
        """At the same ports."""
        self._servers = [self._server(server.port) for server in self._servers]

    def remove(self) -> None:
        if self._nginx:
            self._nginx.stop()
        for server in self._servers:
            server.process.kill()
            server.wait()

    def _server(self, port: int = 0) -> EchoServer:
        return EchoServer(self._kind, self._folder, port, *self._more)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def opened(folder: Path) -> Iterator[Opened]:
    """A door of this kind, gone at the end."""
    with contextlib.ExitStack() as stack:

        def make(kind: str, *more: str) -> Door:
            door = Door(kind, folder, *more)
            stack.callback(door.remove)
            return door

        yield make


def outcomes_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("kind", [pytest.param("daphne", marks=pytest.mark.thorough), "uvicorn"])
def test_every_client_is_served_over_every_transport(kind: str, opened: Opened, subtests: pytest.Subtests) -> None:
    node = node_with_clients()
    door = opened(kind)
    command = [node, "run.mjs", f"http://127.0.0.1:{door.port}"]
    done = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=PATIENCE)
    codes = door.stop()
    outcomes = outcomes_of(done.stdout)
    assert done.returncode == 0, done.stderr
    assert set(codes) == {0}
    assert len(outcomes) >= LEAST_CHECKS
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
    log = door.log.read_text()
    assert "a secret" not in log
    assert {json.loads(line)["event"] for line in log.splitlines()} == {"a door failed: ValueError"}


@pytest.mark.parametrize("kind", [pytest.param("daphne", marks=pytest.mark.thorough), "uvicorn"])
def test_clients_come_again_after_the_server_went_down(kind: str, opened: Opened, subtests: pytest.Subtests) -> None:
    node = node_with_clients()
    door = opened(kind)
    command = [node, "run.mjs", f"http://127.0.0.1:{door.port}", "hold"]
    clients = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with contextlib.ExitStack() as stack:
        stack.callback(clients.kill)
        assert clients.stderr
        assert clients.stderr.readline() == "held\n"
        assert set(door.stop()) == {0}
        door.come_again()
        output, _ = clients.communicate(timeout=PATIENCE)
    outcomes = outcomes_of(output)
    assert len(outcomes) == 4 * 3
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]


@pytest.mark.parametrize("kind", [pytest.param("daphne", marks=pytest.mark.thorough), "uvicorn"])
def test_clients_live_by_their_heartbeat(kind: str, opened: Opened, subtests: pytest.Subtests) -> None:
    node = node_with_clients()
    door = opened(kind, "beat")
    command = [node, "run.mjs", f"http://127.0.0.1:{door.port}", "beat"]
    done = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=PATIENCE)
    codes = door.stop()
    outcomes = outcomes_of(done.stdout)
    assert (set(codes), len(outcomes), door.log.read_text()) == ({0}, 4 * 3, "")
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
