"""Finds a database that takes connections and answers nothing, as a stopped or unreachable machine does (R57).

A statement may take long for good reasons, so its time alone proves nothing. When one waits longer than `SUSPICION`, a
connection is opened on trial. If that takes too long as well the database counts as away: whatever waits for it is
ended, and nobody begins to wait. Trials go on, one after the other, until the server speaks; that moment all works
again.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol

import psycopg

_log = logging.getLogger("latchkey.postgres")
SUSPICION = 0.7  # seconds that somebody waits before it is tried whether the server speaks
TRIAL = 0.7  # seconds that a trial has; with the above and a look every `LOOK` it is known within R57's two
LOOK = 0.2


class Watched(Protocol):
    """What the watch asks of a pool."""

    def longest_wait(self, moment: float) -> float:
        """Seconds that whoever waits longest for the server has waited."""
        ...

    def end_waits(self, moment: float, *, longer_than: float) -> None:
        """Ends the waits for the server that are that long, in seconds, or longer than their own patience."""
        ...


class Watch:
    """One thread per pool. `connect` opens a connection of the watch's own."""

    def __init__(self, pool: Watched, connect: Callable[[], psycopg.Connection]) -> None:
        self._pool, self._connect = pool, connect
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._trial: threading.Thread | None = None
        self._speaks = threading.Event()
        self._speaks.set()

    @property
    def is_away(self) -> bool:
        """Whether a statement would wait for nothing."""
        return not self._speaks.is_set()

    def wait_for_it(self, seconds: float) -> bool:
        """Whether the server speaks, or does so within that time."""
        return self._speaks.wait(seconds)

    def begin(self) -> None:
        """Starts the thread, once; called under the pool's lock."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="postgres-watch", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """The pool is closed."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOK):
            if self.is_away or self._pool.longest_wait(monotonic()) > SUSPICION:
                self._try()
            self._pool.end_waits(monotonic(), longer_than=SUSPICION if self.is_away else float("inf"))

    def _try(self) -> None:
        trial = self._trial
        if trial is None or not trial.is_alive():
            trial = self._trial = threading.Thread(target=self._until_it_speaks, name="postgres-trial", daemon=True)
            trial.start()
        trial.join(TRIAL)
        if trial.is_alive() and not self.is_away:
            self._speaks.clear()
            _log.error("the database does not answer")

    def _until_it_speaks(self) -> None:
        """A refusal is an answer too: a server that refuses leaves nobody waiting, and every request asks it anew."""
        while not self._ended.is_set():
            begun = monotonic()
            with suppress(psycopg.Error):
                self._connect().close()
                break
            if monotonic() - begun < TRIAL:
                break
        if self.is_away:
            self._speaks.set()
            _log.warning("the database answers again")
