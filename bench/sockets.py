"""Sockets: what an echo over `/socket.io/` costs, what an idle connection holds, whom a slow call delays.

Beside it stands a python-socketio server as its manual shows it, which speaks Engine.IO 4 alone. The load comes from
this process, so only the CPU of the server's process counts.
"""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bench.report import Figure
from tests.conformance.otp.person import make_people
from tests.live import process, running
from tests.live.database import ROOT

PIPELINE, WARM_UP, LATENCIES = 50, 500, 400
MESSAGE = f'42["echo",{{"text":"{"x" * 1380}"}}]'
CLIENTS = {3: "2.x", 4: "4.x"}


@dataclass(frozen=True)
class Echoes:
    """CPU microseconds of the server and wall seconds per echo."""

    microseconds: float
    seconds: float


def figures_of(kind: str, *, scale: float) -> Iterator[Figure]:
    """One server class. Echoes of 1.4 kB, 50 under way at once."""
    count, held = int(8000 * scale) // PIPELINE * PIPELINE, max(100, int(1000 * scale))
    with echo_server(kind, "bare") as (port, pid):
        bare = asyncio.run(echoes(port, pid, 4, count))
    yield Figure(kind, "echo of bare python-socketio, 4.x", bare.microseconds, "µs")
    for version, client in CLIENTS.items():
        with echo_server(kind) as (port, pid):
            ours = asyncio.run(echoes(port, pid, version, count))
            kibibytes = asyncio.run(held_idle(port, pid, version, held))
        ratio = ours.microseconds / bare.microseconds
        yield Figure(kind, f"echo, {client}", ours.microseconds, "µs")
        yield Figure(kind, f"echo, {client}, to bare python-socketio", ratio, "×")
        yield Figure(kind, f"echoes per second, {client}", 1 / ours.seconds, "/s")
        yield Figure(kind, f"one of {held} idle sockets, {client}", kibibytes, "KiB")
    with echo_server(kind) as (port, _):
        yield Figure(kind, "echo p95 beside slow calls, to idle", asyncio.run(delayed(port)), "×")
    with running(SERVER=kind) as installation:
        make_people(installation)
        ratio = asyncio.run(told_apart_by_time(installation.server.port))
        yield Figure(kind, "code request refused, known to unknown", ratio, "×")


async def told_apart_by_time(port: int) -> float:
    """As `subjects.told_apart_by_time`, at the code door: a wrong password for an address somebody has, or nobody."""
    known, unknown = [], []
    async with connect(f"ws://127.0.0.1:{port}/ws/login/", compression=None) as socket:
        for number in range(40):
            known.append(await _refused(socket, f"person{number}@example.org"))
            unknown.append(await _refused(socket, f"nobody{number}@example.org"))
    quartiles = [statistics.quantiles(times, n=4)[0] for times in (known, unknown)]
    return max(quartiles) / min(quartiles)


async def _refused(socket: ClientConnection, address: str) -> float:
    data = {"email": address, "password": "wrong password", "browser": "B", "os": "O"}
    begun = time.perf_counter()
    await socket.send(json.dumps({"event": "request_login_token", "data": data}))
    assert '"1106"' in str(await socket.recv())
    return time.perf_counter() - begun


@contextlib.contextmanager
def echo_server(kind: str, *more: str) -> Iterator[tuple[int, int]]:
    """Port and process of a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.conformance.socketio.echo_server", kind, *more]
        environment = {"PATH": os.environ["PATH"], "VAR_DIR": folder, "RATE_LIMIT_SCALE": "100"}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                yield int(server.stdout.readline()), server.pid
            finally:
                server.terminate()


async def opened(port: int, version: int) -> ClientConnection:
    """A socket in the default namespace."""
    socket = await connect(
        f"ws://127.0.0.1:{port}/socket.io/?EIO={version}&transport=websocket",
        compression=None,
        ping_interval=None,
        open_timeout=60,
    )
    await socket.recv()
    if version == 4:
        await socket.send("40")
    assert str(await socket.recv()).startswith("40")
    return socket


async def echo(socket: ClientConnection, count: int, *, pipeline: int = PIPELINE) -> None:
    """`count` echoes, so many under way at once as `pipeline` says."""
    for _ in range(count // pipeline):
        for _ in range(pipeline):
            await socket.send(MESSAGE)
        for _ in range(pipeline):
            while "echo" not in str(await socket.recv()):
                pass


async def echoes(port: int, pid: int, version: int, count: int) -> Echoes:
    socket = await opened(port, version)
    await echo(socket, WARM_UP)
    cpu, begun = process.cpu_seconds(pid), time.perf_counter()
    await echo(socket, count)
    seconds = time.perf_counter() - begun
    found = Echoes((process.cpu_seconds(pid) - cpu) / count * 1e6, seconds / count)
    await socket.close()
    return found


async def held_idle(port: int, pid: int, version: int, count: int) -> float:
    """KiB of the server per connection that is open and silent."""
    before = process.resident_bytes(pid)
    held = [await opened(port, version) for _ in range(count)]
    await asyncio.sleep(1)
    kibibytes = (process.resident_bytes(pid) - before) / count / 1024
    await asyncio.gather(*(each.close() for each in held))
    return kibibytes


async def delayed(port: int) -> float:
    """The p95 of one socket's echoes while others wait for calls of a second in threads, to that of an idle server."""
    socket = await opened(port, 4)
    await echo(socket, WARM_UP)
    idle = await _p95(lambda: echo(socket, 1, pipeline=1))
    others = [await opened(port, 4) for _ in range(3)]
    for other in others:
        await other.send('42["blocked"]')
    beside = await _p95(lambda: echo(socket, 1, pipeline=1))
    await asyncio.gather(*(each.close() for each in [socket, *others]))
    return beside / idle


async def _p95(act: Callable[[], Awaitable[Any]]) -> float:
    times = []
    for _ in range(LATENCIES):
        begun = time.perf_counter()
        await act()
        times.append(time.perf_counter() - begun)
    return statistics.quantiles(times, n=20)[-1]
