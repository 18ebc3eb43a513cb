"""CPU time of a server over a number of requests: medians of several rounds, because the machine is shared."""

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.live import process
from tests.live.database import ROOT
from tests.live.server import Server


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly is measured: rounds of which the median is taken, share of the turns, connections at once."""

    rounds: int
    scale: float
    connections: int


class Generator:
    """The load generator's process, as the measuring side sees it."""

    def __init__(self, port: int, connections: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.generator", str(port), str(connections)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def choose(self, name: str, argument: Any = None) -> None:
        self._tell([name, argument])

    def prepare(self, turns: int) -> None:
        self._tell(turns)
        self._hear("prepared")

    def run(self) -> None:
        self._tell("go")
        self._hear("done")

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)

    def _tell(self, value: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def _hear(self, word: str) -> None:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line or json.loads(line) != word:
            raise RuntimeError(f"the load generator ended instead of saying {word!r}; see its complaint above")


@contextlib.contextmanager
def generator(server: Server, *, connections: int) -> Iterator[Generator]:
    """A load generator for this server."""
    running = Generator(server.port, connections)
    try:
        yield running
    finally:
        running.close()


def cpu_microseconds(server: Server, load: Generator, *, turns: int, rounds: int) -> list[float]:
    """Microseconds of all the server's processes per turn, one figure a round, after a warm-up round."""
    figures = []
    for number in range(rounds + 1):
        load.prepare(turns if number else max(turns // 4, 20))
        before = cpu_seconds(server)
        load.run()
        time.sleep(0.03)  # what the server still does after the last answer belongs to it
        if number:
            figures.append((cpu_seconds(server) - before) * 1e6 / turns)
    return figures


def cpu_seconds(server: Server) -> float:
    return sum(process.cpu_seconds(pid) for pid in server.pids)


def resident_mebibytes(server: Server) -> float:
    return sum(process.resident_bytes(pid) for pid in server.pids) / 2**20


def median(figures: list[float]) -> float:
    return statistics.median(figures)
