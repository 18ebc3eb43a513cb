"""Several worker processes on one listening socket, and the process that looks after them.

A worker that ends is replaced; one whose supervisor ends goes down in order, so that the port is free for the next
start. The supervisor closes its own copy of the socket before it tells the workers to stop: as long as anybody holds
the socket the kernel goes on accepting connections that nobody would answer.
"""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from time import monotonic
from typing import Any

from idp.server.listen import take_no_more

logger = logging.getLogger("idp.server")
LOOK_SECONDS = 0.2
SHORT_LIFE = 10.0  # seconds; a worker that ends sooner has hardly begun to serve
PAUSE = 1.0  # seconds before such a one is replaced
STOP_SECONDS = 20.0  # patience with a worker that was told to stop; it has ten for the requests it has begun
_STOPPING = (signal.SIGTERM, signal.SIGINT)


class _Supervisor:
    def __init__(self, work: Callable[..., None], facts: tuple[Any, ...], count: int) -> None:
        self._work, self._facts, self._count = work, facts, count
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[tuple[SpawnProcess, float]] = []
        self._has_lasted = False
        self._told = threading.Event()

    def stop(self, *_: Any) -> None:
        """The handler of signals."""
        self._told.set()

    def run(self, listener: socket.socket) -> int:
        """The exit code: 0 when it was told to stop, 1 when no worker lasts."""
        self._workers = [self._started() for _ in range(self._count)]
        while not self._told.is_set() and self._looked_after():
            wait([worker.sentinel for worker, _ in self._workers], timeout=LOOK_SECONDS)
        take_no_more(listener)
        listener.close()
        for worker, _ in self._workers:
            worker.terminate()
        end = monotonic() + STOP_SECONDS
        for worker, _ in self._workers:
            worker.join(max(0.0, end - monotonic()))
            worker.kill()
            worker.join()
        return 0 if self._told.is_set() else 1

    def _started(self) -> tuple[SpawnProcess, float]:
        worker = self._context.Process(target=_begin, args=(self._work, self._facts))
        worker.start()
        return worker, monotonic()

    def _looked_after(self) -> bool:
        """Replaces those that have ended; False when none ever lasted: what they cannot do others could not either."""
        moment = monotonic()
        self._has_lasted = self._has_lasted or any(
            worker.is_alive() and moment - since > SHORT_LIFE for worker, since in self._workers
        )
        for index, (worker, since) in enumerate(self._workers):
            if worker.is_alive():
                continue
            logger.error("worker %s ended with %s", worker.pid, worker.exitcode)
            if moment - since < SHORT_LIFE:
                if not self._has_lasted and worker.exitcode == 1:
                    return False
                self._told.wait(PAUSE)
            if not self._told.is_set():
                self._workers[index] = self._started()
        return True


def supervise(work: Callable[..., None], facts: tuple[Any, ...], *, count: int, listener: socket.socket) -> None:
    """Runs `work(*facts)` in `count` new processes until SIGTERM or SIGINT. `work` ends by itself on SIGTERM."""
    supervisor = _Supervisor(work, facts, count)
    for number in _STOPPING:
        signal.signal(number, supervisor.stop)
    if code := supervisor.run(listener):
        sys.exit(code)


def _begin(work: Callable[..., None], facts: tuple[Any, ...]) -> None:
    """The beginning of a worker."""
    threading.Thread(target=_end_with_parent, name="supervisor-watch", daemon=True).start()
    work(*facts)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        logger.error("the supervisor has ended")
        os.kill(os.getpid(), signal.SIGTERM)
