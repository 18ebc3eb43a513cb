"""Signaling: what a relayed signal costs the server, and what an idle device holds (laverna.md §5).

Two devices of two people over Socket.IO, signals of 1.4 kB, 50 under way at once; the load comes from this process, so
only the CPU of the server's process counts. The original (Node, socket.io 2.0.4, same machine class): 363 µs a signal,
19.5 KiB an idle connection.
"""

import asyncio
import json
import time
from collections.abc import Iterator

from websockets.asyncio.client import ClientConnection, connect

from bench.report import Figure
from tests.live import process, running
from tests.live.laverna import Person

PIPELINE, WARM_UP = 50, 500
CLIENTS = {3: "2.x", 4: "4.x"}
DEVICES_OF_A_PERSON = 100


def figures_of(kind: str, *, scale: float) -> Iterator[Figure]:
    """One server class, by Socket.IO client; then connections that are open and silent."""
    count, held = int(8000 * scale) // PIPELINE * PIPELINE, max(100, int(2000 * scale))
    with running(SERVER=kind) as installation:
        server = installation.server
        pid = max(server.pids, key=process.resident_bytes)
        alice, bob = Person(server.port).signed_in(), Person(server.port).signed_in()
        for version, client in CLIENTS.items():
            microseconds, seconds = asyncio.run(relayed(alice, bob, pid, version, count))
            yield Figure(kind, f"signal relayed, {client}", microseconds, "µs")
            yield Figure(kind, f"signals per second, {client}", 1 / seconds, "/s")
        kibibytes, microseconds = asyncio.run(held_idle(alice, pid, held))
        yield Figure(kind, f"one of {held} idle devices", kibibytes, "KiB")
        yield Figure(kind, "signaling connect and leave", microseconds, "µs")


def url_of(person: Person, device_id: str, version: int) -> str:
    query = f"EIO={version}&transport=websocket&username={person.username}&deviceId={device_id}&token={person.token}"
    return f"ws://127.0.0.1:{person.port}/socket.io/?{query}"


async def opened(person: Person, device_id: str, version: int) -> ClientConnection:
    """A device in the room."""
    socket = await connect(url_of(person, device_id, version), compression=None, ping_interval=None, open_timeout=60)
    await socket.recv()
    if version == 4:
        await socket.send("40")
    answer = str(await socket.recv())
    assert answer.startswith("40"), answer
    return socket


def message_to(username: str, device_id: str) -> str:
    """A signal of 1.4 kB for this device."""
    to = {"username": username, "deviceId": device_id}
    signal = {"type": "offer", "sdp": "x" * 700}
    return "42" + json.dumps(["sendSignal", {"signal": signal, "signature": "s" * 500, "to": to}])


async def relayed(alice: Person, bob: Person, pid: int, version: int, count: int) -> tuple[float, float]:
    """CPU microseconds of the server and wall seconds for one signal from Alice's device to Bob's."""
    sender, receiver = await opened(alice, "sender", version), await opened(bob, "receiver", version)
    message = message_to(bob.username, "receiver")
    await exchange(sender, receiver, message, WARM_UP)
    cpu, begun = process.cpu_seconds(pid), time.perf_counter()
    await exchange(sender, receiver, message, count)
    seconds = time.perf_counter() - begun
    microseconds = (process.cpu_seconds(pid) - cpu) / count * 1e6
    await asyncio.gather(sender.close(), receiver.close())
    return microseconds, seconds / count


async def exchange(sender: ClientConnection, receiver: ClientConnection, message: str, count: int) -> None:
    """`count` signals, so many under way at once as PIPELINE says."""
    for _ in range(count // PIPELINE):
        for _ in range(PIPELINE):
            await sender.send(message)
        heard = 0
        while heard < PIPELINE:
            heard += '"signal"' in str(await receiver.recv())


async def held_idle(person: Person, pid: int, count: int) -> tuple[float, float]:
    """KiB of the server per device that is connected and silent; CPU microseconds for coming and going."""
    before, cpu = process.resident_bytes(pid), process.cpu_seconds(pid)
    held = [await opened(person, f"device{number % DEVICES_OF_A_PERSON}", 4) for number in range(count)]
    await asyncio.sleep(1)
    kibibytes = (process.resident_bytes(pid) - before) / count / 1024
    await asyncio.gather(*(each.close() for each in held))
    await asyncio.sleep(1)
    return kibibytes, (process.cpu_seconds(pid) - cpu) / count * 1e6
