"""The only bridge from async code to services (architecture.md §5).

Two small fixed pools per process: one for HTTP requests, one for sockets and hot routes, so that neither starves the
other. Threads keep their database connection; a full queue refuses at once instead of growing.
"""

import asyncio
import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import close_old_connections

from accounts import figures, retries
from accounts.errors import Reason, Refusal

Result = TypeVar("Result")


class _Worker(threading.Thread):
    """One thread of a pool; it waits for its next piece of work on a queue of its own."""

    def __init__(self, name: str, done: Callable[["_Worker", "_Work", Any, BaseException | None], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._done = done

    def run(self) -> None:
        """Works until the process ends."""
        while True:
            work = self.work.get()
            result, error = None, None
            try:
                result = work.context.run(work.function, *work.args, **work.kwargs)
            except BaseException as caught:  # handed to whoever waits, as an executor does
                error = caught
            try:
                work.loop.call_soon_threadsafe(self._done, self, work, result, error)
            except RuntimeError:  # the loop has ended: nobody waits any more
                return
            del work, result, error


@dataclass(frozen=True, slots=True)
class _Work:
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    context: contextvars.Context
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Pool:
    """A bounded thread pool. The thread that was busy last is asked first.

    `concurrent.futures` asks the one that rested longest, so every request meets a cold thread, and an SQLite
    connection whose cache the others' writes have emptied: a Session login costs a tenth to a sixth more that way
    (docs/performance.md). All bookkeeping happens on the event loop, so it needs no lock.
    """

    def __init__(self, name: str, threads: int, queue_length: int) -> None:
        self._name, self._threads, self._most_waiting = name, threads, queue_length
        figures.watch_pool(name, lambda: figures.Load(threads, self.busy - len(self._waiting), len(self._waiting)))
        self._started = 0
        self._idle: list[_Worker] = []
        self._waiting: deque[_Work] = deque()

    async def call(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """The function's result, in the caller's context variables; OVERLOADED at once when the queue is full."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        work = _Work(loop, future, contextvars.copy_context(), function, args, kwargs)
        if self._idle:
            self._idle.pop().work.put(work)
        elif self._started < self._threads:
            self._started += 1
            worker = _Worker(f"{self._name}-{self._started}", self._done)
            worker.start()
            worker.work.put(work)
        elif len(self._waiting) < self._most_waiting:
            self._waiting.append(work)
        else:
            figures.POOL_REFUSED.add(self._name)
            raise Refusal(Reason.OVERLOADED, retry_after=1, detail="thread pool")
        return await future

    def _done(self, worker: _Worker, work: _Work, result: Any, error: BaseException | None) -> None:
        if self._waiting:
            worker.work.put(self._waiting.popleft())
        else:
            self._idle.append(worker)
        if work.future.done():  # whoever waited was cancelled
            return
        if error is not None:
            work.future.set_exception(error)
        else:
            work.future.set_result(result)

    @property
    def busy(self) -> int:
        """Calls that run or wait."""
        return self._started - len(self._idle) + len(self._waiting)


http = Pool("http", settings.HTTP_THREADS, settings.QUEUE_LENGTH)
sockets = Pool("socket", settings.SOCKET_THREADS, settings.QUEUE_LENGTH)


async def call(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Runs a service for a socket or a hot route, off the event loop, with a healthy database connection."""
    return await sockets.call(_with_connections, function, *args, **kwargs)


async def call_waiting(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """`call` for what may wait long, as for a subprocess: in the larger pool, where sockets and hot routes do not stand
    behind it."""
    return await http.call(_with_connections, function, *args, **kwargs)


def _with_connections(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    close_old_connections()
    try:
        return retries.calling(lambda: function(*args, **kwargs))
    finally:
        close_old_connections()


def lend_connection() -> None:
    """Called before slow work between two looks at the database: meanwhile a pooled connection is somebody else's."""
    close_old_connections()
