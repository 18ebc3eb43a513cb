"""Numbers of this process as they stand: connections, the event loop's lag, processor and memory."""

import asyncio
import os
import resource
from collections import deque
from pathlib import Path
from time import perf_counter, time

from django.db import connections

from accounts import figures
from challenges import socketio

STARTED = time()
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM, _DESCRIPTORS = Path("/proc/self/statm"), Path("/proc/self/fd")

CPU = figures.Counter("process_cpu_seconds", "Processor time of all processes, user and system, in seconds.")
MEMORY = figures.Gauge("process_resident_memory_bytes", "Resident memory of all processes.")
DESCRIPTORS = figures.Gauge("process_open_fds", "Open file descriptors of all processes.")
YOUNGEST = figures.Gauge(
    "process_start_time_seconds", "Start of the youngest process, as Unix time: a crash loop shows here.", largest=True
)
PROCESSES = figures.Gauge("latchkey_processes", "Worker processes behind this port.")
LAG = figures.Gauge(
    "latchkey_event_loop_lag_seconds", "How long the event loop took to turn; of all processes the worst.", largest=True
)
ENGINE_IO = figures.Gauge("latchkey_engineio_connections", "Connections at /socket.io/, those at no door among them.")
CONNECTIONS = figures.Gauge(
    "latchkey_database_connections", "Pooled Postgres connections by state: idle, in use, awaited.", ("state",)
)
OWN: tuple[figures.Figure, ...] = (
    CPU, MEMORY, DESCRIPTORS, YOUNGEST, PROCESSES, LAG, ENGINE_IO, CONNECTIONS,
)  # fmt: skip


class _Feeler:
    """Asks the event loop for a turn now and then, and keeps how long it took: the last quarter of a minute."""

    def __init__(self) -> None:
        self._found: deque[float] = deque([0.0], maxlen=15)
        self._asked: float | None = None

    def feel(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called from a thread, about once a second."""
        if self._asked is None:
            self._asked = perf_counter()
            loop.call_soon_threadsafe(self._answered)

    def worst(self) -> float:
        """Seconds; a turn that is still awaited counts."""
        asked = self._asked
        return max(*self._found, perf_counter() - asked if asked is not None else 0.0)

    def _answered(self) -> None:
        asked, self._asked = self._asked, None
        self._found.append(perf_counter() - (asked or perf_counter()))


_feeler = _Feeler()
feel = _feeler.feel


def refresh() -> None:
    """Takes up what no event tells."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    CPU.rows[()] = used.ru_utime + used.ru_stime


def memory() -> int:
    """Resident bytes of this process; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE
    except (OSError, ValueError):
        return 0


def sockets() -> dict[str, int]:
    """Live sockets of this process by door."""
    return {labels[0]: int(number) for labels, number in figures.SOCKETS.copy().items()}


def _connections() -> dict[figures.Labels, float]:
    pool = getattr(connections["default"], "pool", None)
    if pool is None:  # SQLite has none
        return {}
    found = pool.figures()
    states = {"idle": found["idle"], "in use": found["open"] - found["idle"], "awaited": found["waiting"]}
    return {(state,): number for state, number in states.items()}


MEMORY.watch(lambda: {(): memory()})
DESCRIPTORS.watch(lambda: {(): len(os.listdir(_DESCRIPTORS))})
YOUNGEST.watch(lambda: {(): STARTED})
PROCESSES.watch(lambda: {(): 1})
LAG.watch(lambda: {(): _feeler.worst()})
ENGINE_IO.watch(lambda: {(): socketio.sockets()})
CONNECTIONS.watch(_connections)
