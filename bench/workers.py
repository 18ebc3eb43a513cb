"""`python -m bench.workers --database-url … --redis-url …`: one, two and four worker processes side by side.

What more processes cost: CPU of all of them for a request, so how many requests a second one core gives, whatever else
wants this machine's cores; and what a signal costs that goes from a device at one process to a device at another.
Rounds of the three are taken in turn, so that a slow moment of the machine meets all.
"""

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import Iterator

from websockets.asyncio.client import ClientConnection

from bench import report, scenarios, signaling
from bench.measure import cpu_seconds, generator, median, resident_mebibytes
from bench.report import Figure
from tests.live import Server, process, running
from tests.live.laverna import Person

_WORKERS = (1, 2, 4)
_CONNECTIONS = 16  # enough for each of four processes to get some
_TURNS = {
    scenarios.Health.name: 6000,
    scenarios.WhoAmI.name: 6000,
    scenarios.Token.name: 2000,
    scenarios.FullLogin.name: 400,
}
_SIGNALS = 4000 // signaling.PIPELINE * signaling.PIPELINE


def figures(rounds: int) -> Iterator[Figure]:
    """Requests by number of workers, then signals within a process and between two."""
    with contextlib.ExitStack() as stack:
        servers: dict[int, Server] = {}
        for count in _WORKERS:
            installation = stack.enter_context(running(SERVER="uvicorn", WORKERS=str(count)))
            servers[count] = installation.server
            yield Figure(_named(count), "memory after start", resident_mebibytes(installation.server), "MiB")
        for name, turns in _TURNS.items():
            yield from _side_by_side(servers, name, turns, rounds)
    with running(SERVER="uvicorn", count=2) as installation:
        here, there = installation.servers
        for what, receiver in (("within a process", here), ("between two processes", there)):
            yield from _relayed(what, here, receiver, installation.servers)


def _named(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"


def _side_by_side(servers: dict[int, Server], name: str, turns: int, rounds: int) -> Iterator[Figure]:
    costs: dict[int, list[float]] = {count: [] for count in servers}
    walls: dict[int, list[float]] = {count: [] for count in servers}
    for number in range(rounds + 1):
        for count, server in servers.items():
            cost, wall = _one_round(server, name, turns)
            if number:  # the first one warms up
                costs[count].append(cost)
                walls[count].append(wall)
    for count, found in costs.items():
        yield Figure(_named(count), name, median(found), "µs", spread=(min(found), max(found)))
        yield Figure(_named(count), f"{name}, a second and core", 1e6 / median(found), "/s")
        yield Figure(_named(count), f"{name}, the same to one worker", median(costs[1]) / median(found), "×")
        yield Figure(_named(count), f"{name}, a second on this machine", median(walls[count]), "/s")


def _one_round(server: Server, name: str, turns: int) -> tuple[float, float]:
    """CPU microseconds of the server for a request, and requests a second of the clock. With connections of its own:
    others would be closed while the other servers have their turn."""
    with generator(server, connections=_CONNECTIONS) as load:
        load.choose(name)
        load.prepare(turns)
        before, begun = cpu_seconds(server), time.perf_counter()
        load.run()
        seconds = time.perf_counter() - begun
        time.sleep(0.03)  # what the server still does after the last answer belongs to it
    return (cpu_seconds(server) - before) * 1e6 / turns, turns / seconds


def _relayed(what: str, sender: Server, receiver: Server, servers: list[Server]) -> Iterator[Figure]:
    alice, bob = Person(sender.port).signed_in(), Person(receiver.port).signed_in()
    microseconds, seconds = asyncio.run(_signals(alice, bob, [pid for server in servers for pid in server.pids]))
    yield Figure("2 servers", f"signal relayed {what}", microseconds, "µs")
    yield Figure("2 servers", f"signals {what}, a second", 1 / seconds, "/s")


async def _signals(alice: Person, bob: Person, pids: list[int]) -> tuple[float, float]:
    """CPU microseconds of all processes, and seconds, for a signal."""

    def cpu() -> float:
        return sum(process.cpu_seconds(pid) for pid in pids)

    sender, receiver = await _device(alice, "sender"), await _device(bob, "receiver")
    message = signaling.message_to(bob.username, "receiver")
    await signaling.exchange(sender, receiver, message, signaling.WARM_UP)
    before, begun = cpu(), time.perf_counter()
    await signaling.exchange(sender, receiver, message, _SIGNALS)
    seconds = time.perf_counter() - begun
    cost = (cpu() - before) / _SIGNALS * 1e6
    await asyncio.gather(sender.close(), receiver.close())
    return cost, seconds / _SIGNALS


async def _device(person: Person, device_id: str) -> ClientConnection:
    return await signaling.opened(person, device_id, 4)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description="What more worker processes cost.")
    parser.add_argument("--database-url", required=True, help="a Postgres server")
    parser.add_argument("--redis-url", required=True)
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is taken (default 5)")
    chosen = parser.parse_args()
    os.environ |= {"DATABASE_URL": chosen.database_url, "REDIS_URL": chosen.redis_url}
    print(report.heading())
    for figure in figures(chosen.rounds):
        print(report.line(figure), flush=True)


if __name__ == "__main__":
    main()
