"""The servers that are measured: the product, and the bare application under the same server class."""

import contextlib
from collections.abc import Iterator

from bench import scenarios
from bench.measure import Effort, cpu_microseconds, generator, median, resident_mebibytes
from bench.report import Figure
from tests.live import Installation, Server, running

TURNS = {
    "bare": 3000,
    "get_challenge": 1000,
    "submit_challenge": 300,
    "full login": 300,
    "login again": 300,
    "GET /token": 1000,
    "user_info": 600,
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
            if name == scenarios.Bare.name:
                continue
            cost = _cost(installation.server, name, effort)
            ratio = median(cost) / median(bare_cost)
            yield Figure(kind, name, median(cost), "µs", ratio=ratio, spread=_spread(cost))
        yield Figure(kind, "memory after start", memory, "MiB")
        yield Figure(kind, "memory after the load", resident_mebibytes(installation.server), "MiB")


def _cost(server: Server, name: str, effort: Effort) -> list[float]:
    with generator(server, connections=effort.connections) as load:
        load.choose(name)
        return cpu_microseconds(server, load, turns=max(20, int(TURNS[name] * effort.scale)), rounds=effort.rounds)


def _spread(figures: list[float]) -> tuple[float, float]:
    return min(figures), max(figures)
