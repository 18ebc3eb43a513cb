"""`python -m bench.socketio_echo`: server CPU per echo and memory per idle websocket of `/socket.io/`.

Beside it stands a python-socketio server as its manual shows it, which speaks Engine.IO 4 alone. The load comes from
this process, so only the CPU of the server's process counts.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect

from tests.live import process
from tests.live.database import ROOT

ECHOES, PIPELINE, IDLE, WARM_UP = 4000, 50, 300, 500
MESSAGE = f'42["echo",{{"text":"{"x" * 1380}"}}]'


@dataclass(frozen=True)
class Row:
    server: str
    version: int
    microseconds: float
    kibibytes: float


async def opened(port: int, version: int) -> ClientConnection:
    """A socket in the default namespace."""
    socket = await connect(
        f"ws://127.0.0.1:{port}/socket.io/?EIO={version}&transport=websocket", compression=None, ping_interval=None
    )
    await socket.recv()
    if version == 4:
        await socket.send("40")
    assert str(await socket.recv()).startswith("40")
    return socket


async def echo(socket: ClientConnection, count: int) -> None:
    """`count` echoes, so many under way at once as `PIPELINE` says."""
    for _ in range(count // PIPELINE):
        for _ in range(PIPELINE):
            await socket.send(MESSAGE)
        for _ in range(PIPELINE):
            while "echo" not in str(await socket.recv()):
                pass


async def measured(port: int, pid: int, version: int) -> tuple[float, float]:
    """CPU microseconds per echo, KiB per idle connection."""
    socket = await opened(port, version)
    await echo(socket, WARM_UP)
    before = process.cpu_seconds(pid)
    await echo(socket, ECHOES)
    microseconds = (process.cpu_seconds(pid) - before) / ECHOES * 1e6
    await socket.close()
    before_bytes = process.resident_bytes(pid)
    held = [await opened(port, version) for _ in range(IDLE)]
    await asyncio.sleep(1)
    kibibytes = (process.resident_bytes(pid) - before_bytes) / IDLE / 1024
    await asyncio.gather(*(each.close() for each in held))
    return microseconds, kibibytes


def row(kind: str, *more: str, version: int) -> Row:
    """One server in a process of its own, measured and stopped."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.conformance.socketio.echo_server", kind, *more]
        environment = {"PATH": os.environ["PATH"], "VAR_DIR": folder, "RATE_LIMIT_SCALE": "10"}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                port = int(server.stdout.readline())
                figures = asyncio.run(measured(port, server.pid, version))
            finally:
                server.terminate()
    return Row(" ".join((kind, *more)), version, *figures)


def main() -> None:
    print(f"{'server':16} {'EIO':>4} {'CPU µs/echo':>12} {'KiB/idle':>9}", flush=True)
    for kind, *more in (("uvicorn",), ("daphne",), ("uvicorn", "bare"), ("daphne", "bare")):
        for version in (4,) if more else (3, 4):
            found = row(kind, *more, version=version)
            print(f"{found.server:16} {version:>4} {found.microseconds:>12.0f} {found.kibibytes:>9.1f}", flush=True)


if __name__ == "__main__":
    main()
