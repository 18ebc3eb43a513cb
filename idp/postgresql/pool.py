"""Connections that wait for work. Made when somebody asks and none is free; nothing is tried in the background.

A connection is asked for in the thread that needs it and handed over in the order of asking. While the server refuses,
whoever asks is told at once; the first who asks after its return gets a new connection. While it does not answer at all
(`watch`), nobody waits either.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

import psycopg
from psycopg.pq import TransactionStatus

from idp.postgresql.connection import WatchedConnection
from idp.postgresql.watch import Watch

_log = logging.getLogger("latchkey.postgres")
_REST = 600.0  # seconds a connection may lie unused before the pool shrinks by it
_TRUST = 30.0  # seconds a quiet connection is believed to live: routers forget idle ones, and tell nobody
_CHECK_PATIENCE = 1.0  # seconds for the question whether it does
_HOPE, _MOST_HOPEFUL = 0.15, 4  # seconds that so many threads wait for a server that is away: it may be back just now

Connect = Callable[[], WatchedConnection]


class _Waiter:
    """One thread that waits for a connection; what it gets is decided under the pool's lock."""

    __slots__ = ("connection", "done", "error")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.connection: WatchedConnection | None = None
        self.error: psycopg.Error | None = None


class Pool:
    """At most `most` connections; whoever asks waits `timeout` seconds for one at the longest.

    The methods without a dash before their names are those that Django calls.
    """

    close_returns = False  # psycopg asks: closing a connection does close it

    def __init__(self, connect: Connect, *, most: int, timeout: float) -> None:
        self._connect, self._most, self._timeout = connect, most, timeout
        self._lock = threading.Lock()
        self._idle: list[WatchedConnection] = []  # the one used last is taken first
        self._out: set[WatchedConnection] = set()
        self._making: dict[int, float] = {}  # thread → since when it connects
        self._waiters: deque[_Waiter] = deque()
        self._hopeful = threading.BoundedSemaphore(_MOST_HOPEFUL)
        self._closed = False
        self.watch = Watch(self, connect)

    # What Django calls

    def open(self) -> None:
        """Nothing: connections are made when they are asked for."""

    def getconn(self) -> WatchedConnection:
        """A connection that lives; psycopg.OperationalError when none can be had."""
        while True:
            connection = self._take()
            if connection.is_quiet() and self._still_trusted(connection):
                return connection
            self._discard(connection)

    def putconn(self, connection: WatchedConnection) -> None:
        """Takes a connection back. One that is broken, in a transaction or too old is closed."""
        moment = monotonic()
        connection.used_at, connection.patience = moment, None
        ready = connection.pgconn.transaction_status == TransactionStatus.IDLE and not self._closed
        if not ready or moment > connection.ends_at:
            self._discard(connection)
            return
        with self._lock:
            self._out.discard(connection)
            self._hand_over(connection)
            rested = self._idle.pop(0) if self._idle and moment - self._idle[0].used_at > _REST else None
        if rested is not None:
            rested.close()

    def close(self) -> None:
        """Closes what is idle; what is in use is closed when it comes back."""
        self.watch.end()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._fail_waiters(psycopg.OperationalError("the pool is closed"))
        for connection in idle:
            connection.close()

    def figures(self) -> dict[str, int]:
        """How many connections there are at the most, are open, lie idle; how many threads wait for one."""
        with self._lock:
            return {
                "most": self._most,
                "open": len(self._idle) + len(self._out),
                "idle": len(self._idle),
                "waiting": len(self._waiters),
            }

    # What the watch calls

    def longest_wait(self, moment: float) -> float:
        """Of statements, and of connections that are being made."""
        with self._lock:
            waits = [connection.waited(moment) for connection in self._out]
            waits += [moment - since for since in self._making.values()]
        return max(waits, default=0.0)

    def end_waits(self, moment: float, *, longer_than: float) -> None:
        """Cuts connections whose statement waits; who waits for a connection is told when the database is away."""
        with self._lock:
            out = list(self._out)
            if self.watch.is_away:
                self._fail_waiters(psycopg.OperationalError("the database does not answer"))
        for connection in out:
            patience = longer_than if connection.patience is None else min(longer_than, connection.patience)
            if connection.waited(moment) > patience:
                connection.cut()

    # A connection for a thread

    def _take(self) -> WatchedConnection:
        if self._closed or (self.watch.is_away and not self._hope()):
            raise psycopg.OperationalError("the database does not answer")
        with self._lock:
            self.watch.begin()
            if self._idle:
                connection = self._idle.pop()
                self._out.add(connection)
                return connection
            waiter = _Waiter()
            self._waiters.append(waiter)
            self._grow()
        waiter.done.wait(self._timeout)
        with self._lock:
            if waiter.connection is not None:
                return waiter.connection
            if waiter.error is None:
                self._waiters.remove(waiter)
        raise waiter.error or psycopg.OperationalError("no connection in time")

    def _hope(self) -> bool:
        """Whether a server that is away is back already; all but a few threads are told at once that it is not."""
        if not self._hopeful.acquire(blocking=False):
            return False
        try:
            return self.watch.wait_for_it(_HOPE)
        finally:
            self._hopeful.release()

    def _still_trusted(self, connection: WatchedConnection) -> bool:
        """Asked only of those that lay long: an answer costs a round trip."""
        if monotonic() - connection.used_at < _TRUST:
            return True
        connection.patience = _CHECK_PATIENCE
        try:
            connection.execute("")
        except psycopg.Error:
            return False
        connection.patience = None
        return True

    def _discard(self, connection: WatchedConnection) -> None:
        """Makes room for another."""
        connection._pool = None
        connection.close()
        with self._lock:
            self._out.discard(connection)
            self._grow()

    def _hand_over(self, connection: WatchedConnection) -> None:
        """To the thread that waits longest, else to nobody."""
        if self._closed:
            connection.close()
        elif self._waiters:
            waiter = self._waiters.popleft()
            self._out.add(connection)
            waiter.connection = connection
            waiter.done.set()
        else:
            self._idle.append(connection)

    def _fail_waiters(self, error: psycopg.Error) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            waiter.error = error
            waiter.done.set()

    # Making connections

    def _grow(self) -> None:
        """One more connection in the making for each who waits, as far as there is room."""
        there = len(self._idle) + len(self._out)
        while len(self._making) < len(self._waiters) and there + len(self._making) < self._most:
            thread = threading.Thread(target=self._make, name="postgres-connect", daemon=True)
            self._making[id(thread)] = monotonic()
            thread.start()

    def _make(self) -> None:
        """In a thread of its own: nobody can say how long connecting takes, and who waits has its own limit."""
        made: WatchedConnection | None = None
        error: psycopg.Error | None = None
        try:
            made = self._connect()
            made._pool = self  # type: ignore[assignment]  # Django gives a connection back to this
        except psycopg.Error as failed:
            error = failed
        except Exception as failed:  # whatever it is, nobody may wait for it
            error = psycopg.OperationalError(type(failed).__name__)
        with self._lock:
            del self._making[id(threading.current_thread())]
            if made is not None:
                self._hand_over(made)
            elif error is not None and not self._out:  # else one may come back in time
                _log.debug("no connection to the database: %s", type(error).__name__)
                self._fail_waiters(error)
