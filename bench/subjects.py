"""The servers that are measured: the product, and the bare application under the same server class."""

import asyncio
import contextlib
import json
import secrets
import statistics
import time
from collections.abc import Iterator

from argon2 import PasswordHasher

from bench import scenarios
from bench.measure import Effort, cpu_microseconds, generator, median, resident_mebibytes
from bench.report import Figure
from bench.wire import Connection, post
from tests.live import Installation, Server, running

TURNS = {
    "bare": 3000,
    "get_challenge": 1000,
    "submit_challenge": 300,
    "full login": 300,
    "login again": 300,
    "GET /token": 1000,
    "user_info": 600,
    "capabilities (plain route)": 1000,
    "Matrix login": 60,
}


@contextlib.contextmanager
def bare_server(installation: Installation) -> Iterator[Server]:
    """The bare application with the product's settings."""
    server = Server(installation.environment, installation.folder / "bare.log", ("-m", "bench.bare"))
    try:
        yield server.start(ready_path="/")
    finally:
        server.kill()


def figures_of(kind: str, effort: Effort) -> Iterator[Figure]:
    """Every scenario and the memory of one server class, one figure after the other as they come."""
    with running(SERVER=kind) as installation, bare_server(installation) as bare:
        memory = resident_mebibytes(installation.server)
        bare_cost = _cost(bare, scenarios.Bare.name, effort)
        yield Figure(kind, "bare answer", median(bare_cost), "µs", spread=_spread(bare_cost))
        for name in scenarios.ALL:
            if name in {scenarios.Bare.name, scenarios.WhoAmI.name}:
                continue
            cost = _cost(installation.server, name, effort)
            ratio = median(cost) / median(bare_cost)
            yield Figure(kind, name, median(cost), "µs", ratio=ratio, spread=_spread(cost))
            if name == scenarios.MatrixLogin.name:
                yield Figure(kind, "wrong password, known to unknown", told_apart_by_time(installation.server), "×")
                yield Figure(kind, "Matrix login, to one Argon2 hash", median(cost) / hash_microseconds(), "×")
        yield from _to_bare(kind, "whoami", installation.server, bare, effort)
        with running(SERVER=kind, TOKEN_CACHE="off") as forgetful:  # noqa: S106  # a setting
            yield from _to_bare(kind, "whoami, nothing remembered", forgetful.server, bare, effort)
        yield Figure(kind, "memory after start", memory, "MiB")
        yield Figure(kind, "memory after the load", resident_mebibytes(installation.server), "MiB")


def _to_bare(kind: str, what: str, server: Server, bare: Server, effort: Effort) -> Iterator[Figure]:
    """whoami beside the bare answer, asked in turn so that a noisy moment meets both."""
    costs: tuple[list[float], list[float]] = ([], [])
    turns = max(500, int(8000 * effort.scale))
    with (
        generator(bare, connections=effort.connections) as bare_load,
        generator(server, connections=effort.connections) as load,
    ):
        bare_load.choose(scenarios.Bare.name)
        load.choose(scenarios.WhoAmI.name)
        for _ in range(effort.rounds):
            costs[0].extend(cpu_microseconds(bare, bare_load, turns=turns, rounds=1))
            costs[1].extend(cpu_microseconds(server, load, turns=turns, rounds=1))
    ratio = median(costs[1]) / median(costs[0])
    yield Figure(kind, what, median(costs[1]), "µs", ratio=ratio, spread=_spread(costs[1]))
    yield Figure(kind, f"{what}, to the bare answer", ratio, "×")


def told_apart_by_time(server: Server) -> float:
    """How many times longer a wrong password takes for a name that exists than for one that does not, or the other
    way: lower quartiles of 40 wall times each, asked in turn (R11)."""
    names = [f"p{secrets.token_hex(8)}" for _ in range(40)]

    async def measure() -> tuple[list[float], list[float]]:
        connection = await Connection.open(server.port)
        for name in names:
            await scenarios.registered(connection, name)
        known, unknown = [], []
        for name in names:
            known.append(await _refused(connection, name))
            unknown.append(await _refused(connection, f"{name}x"))
        return known, unknown

    quartiles = [statistics.quantiles(times, n=4)[0] for times in asyncio.run(measure())]
    return max(quartiles) / min(quartiles)


async def _refused(connection: Connection, name: str) -> float:
    body = json.dumps({"type": "m.login.password", "user": name, "password": "wrong password"}).encode()
    begun = time.perf_counter()
    await connection.ask(post("/_matrix/client/v3/login", body), status=b"403")
    return time.perf_counter() - begun


def hash_microseconds() -> float:
    """CPU of one password hash with the parameters of the house, in this process; the least of several."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    encoded = hasher.hash("correct horse battery")
    costs = []
    for _ in range(15):
        begun = time.process_time()
        hasher.verify(encoded, "correct horse battery")
        costs.append((time.process_time() - begun) * 1e6)
    return median(costs)


def _cost(server: Server, name: str, effort: Effort) -> list[float]:
    with generator(server, connections=effort.connections) as load:
        load.choose(name)
        return cpu_microseconds(server, load, turns=max(20, int(TURNS[name] * effort.scale)), rounds=effort.rounds)


def _spread(figures: list[float]) -> tuple[float, float]:
    return min(figures), max(figures)
