"""`/socket.io/` against socket.io-client 2.0.4, 2.5, 3.1 and 4.8 from npm, on our daphne and our uvicorn."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.live.database import ROOT

HERE = Path(__file__).parent
LEAST_CHECKS = 4 * 3 * 16 + 2 * 2
PATIENCE = 240


def node_with_clients() -> str:
    """The path of node."""
    return node_in(HERE, "socket.io-client-31", runs="the real Socket.IO clients")


class EchoServer:
    """The echo door in a process of its own, at a port that it may keep."""

    def __init__(self, kind: str, folder: Path, port: int = 0, *more: str) -> None:
        environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(folder), "RATE_LIMIT_SCALE": "1"}
        self.log = folder / f"log-{port}"
        with self.log.open("w") as log:
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

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def outcomes_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("kind", [pytest.param("daphne", marks=pytest.mark.thorough), "uvicorn"])
def test_every_client_is_served_over_every_transport(kind: str, folder: Path, subtests: pytest.Subtests) -> None:
    node = node_with_clients()
    server = EchoServer(kind, folder)
    try:
        command = [node, "run.mjs", f"http://127.0.0.1:{server.port}"]
        done = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=PATIENCE)
    finally:
        code = server.stop()
    outcomes = outcomes_of(done.stdout)
    assert done.returncode == 0, done.stderr
    assert code == 0
    assert len(outcomes) >= LEAST_CHECKS
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
    log = server.log.read_text()
    assert "a secret" not in log
    assert {json.loads(line)["event"] for line in log.splitlines()} == {"a door failed: ValueError"}


@pytest.mark.parametrize("kind", [pytest.param("daphne", marks=pytest.mark.thorough), "uvicorn"])
def test_clients_come_again_after_the_server_went_down(kind: str, folder: Path, subtests: pytest.Subtests) -> None:
    node = node_with_clients()
    server = EchoServer(kind, folder)
    command = [node, "run.mjs", f"http://127.0.0.1:{server.port}", "hold"]
    clients = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with contextlib.ExitStack() as stack:
        stack.callback(clients.kill)
        assert clients.stderr
        assert clients.stderr.readline() == "held\n"
        assert server.stop() == 0
        again = EchoServer(kind, folder, server.port)
        stack.callback(again.stop)
        output, _ = clients.communicate(timeout=PATIENCE)
    outcomes = outcomes_of(output)
    assert len(outcomes) == 4 * 3
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]


@pytest.mark.parametrize("kind", [pytest.param("daphne", marks=pytest.mark.thorough), "uvicorn"])
def test_clients_live_by_their_heartbeat(kind: str, folder: Path, subtests: pytest.Subtests) -> None:
    node = node_with_clients()
    server = EchoServer(kind, folder, 0, "beat")
    try:
        command = [node, "run.mjs", f"http://127.0.0.1:{server.port}", "beat"]
        done = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=PATIENCE)
    finally:
        code = server.stop()
    outcomes = outcomes_of(done.stdout)
    assert (code, len(outcomes), server.log.read_text()) == (0, 4 * 3, "")
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
