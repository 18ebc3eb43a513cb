"""The numbers of this process, which doors count by one line each. Pure; `idp/metrics/` shows them at `/metrics`.

Own counters in place of prometheus-client's: those keep the numbers of several processes in mapped files, where a disk
that is full kills the process, and cost three to four times as much (docs/monitoring.md). Labels take their values from
closed sets: never a name, an address or a path.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from accounts.errors import Reason

Labels = tuple[str, ...]
_MOST_ROWS = 2000  # of one counter; what comes beyond is a fault of ours and is counted as "other"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(eq=False)
class Counter:
    """A number that only grows, one for each combination of labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    rows: dict[Labels, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *values: str, by: float = 1.0) -> None:
        """Counts; from any thread."""
        with self._lock:
            rows = self.rows
            if values not in rows and len(rows) >= _MOST_ROWS:
                values = ("other",) * len(self.labels)
            rows[values] = rows.get(values, 0.0) + by

    def add_here(self, values: Labels) -> None:
        """Counts one, from the event loop alone, which needs no lock: for what every request does."""
        rows = self.rows
        rows[values] = rows.get(values, 0.0) + 1.0

    def copy(self) -> dict[Labels, float]:
        """The rows as they are now."""
        with self._lock:
            return dict(self.rows)


@dataclass(eq=False)
class Timing:
    """How long things took: a histogram in seconds. A row holds the count of each bound, the rest, and the sum."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = _SECONDS
    rows: dict[Labels, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def observe(self, seconds: float, *values: str) -> None:
        """Notes one duration; from any thread."""
        with self._lock:
            self.observe_here(seconds, values)

    def observe_here(self, seconds: float, values: Labels) -> None:
        """The same from the event loop alone, without a lock."""
        row = self.rows.get(values)
        if row is None:
            if len(self.rows) >= _MOST_ROWS:
                values = ("other",) * len(self.labels)
            row = self.rows.setdefault(values, [0.0] * (len(self.bounds) + 2))
        row[bisect_left(self.bounds, seconds)] += 1.0
        row[-1] += seconds

    def copy(self) -> dict[Labels, list[float]]:
        """The rows as they are now."""
        with self._lock:
            return {values: list(row) for values, row in self.rows.items()}


@dataclass(eq=False)
class Gauge:
    """A number as it stands, asked for when somebody looks. Those of several processes are added up, or the `largest`
    counts."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    largest: bool = False
    readers: list[Callable[[], Mapping[Labels, float]]] = field(default_factory=list)

    def watch(self, reader: Callable[[], Mapping[Labels, float]]) -> None:
        """Adds somebody who knows rows of this number. It is asked from any thread."""
        self.readers.append(reader)

    def copy(self) -> dict[Labels, float]:
        """What the readers say now; one that cannot say is left out."""
        found: dict[Labels, float] = {}
        for reader in self.readers:
            try:
                found.update(reader())
            except Exception:  # noqa: S112  # a figure that cannot be read must not hide the others
                continue
        return found


Figure = Counter | Timing | Gauge

LOGINS = Counter(
    "latchkey_logins", "Sign-ins that succeeded or were refused, by door and reason.", ("door", "outcome", "reason")
)
EVENTS = Counter("latchkey_events", "Events of the audit log.", ("event", "door", "outcome"))
REFUSALS = Counter(
    "latchkey_refusals", "Requests and messages that were refused, by reason (accounts/errors.py).", ("door", "reason")
)
REQUESTS = Counter(
    "latchkey_http_requests",
    "HTTP requests by route class; status 499 means that the client left before the answer.",
    ("door", "route", "method", "status"),
)
REQUEST_SECONDS = Timing(
    "latchkey_http_request_seconds", "Time from a request to the end of its answer.", ("door", "route")
)
WEBSOCKETS = Counter("latchkey_websockets", "Websockets that were opened or refused.", ("door", "outcome"))
SOCKETS = Gauge("latchkey_sockets", "Live sockets of the doors, over websocket and polling.", ("door",))
POOL_SIZE = Gauge("latchkey_pool_size", "How many pieces of work a pool does at once.", ("pool",))
POOL_BUSY = Gauge("latchkey_pool_busy", "How many it does now.", ("pool",))
POOL_WAITING = Gauge("latchkey_pool_waiting", "How many wait for it.", ("pool",))
POOL_REFUSED = Counter("latchkey_pool_refused", "Work refused because too much waited already.", ("pool",))
DATABASE_SECONDS = Timing(
    "latchkey_database_seconds",
    "Time of database statements and commits, waits for locks included.",
    ("kind",),
    (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
DATABASE_ERRORS = Counter("latchkey_database_errors", "Statements that failed, by class of failure.", ("kind",))
# "job" is a label that Prometheus sets itself.
JOB_RUNS = Counter("latchkey_job_runs", "Runs of background jobs by how they ended.", ("task", "outcome"))
JOB_SECONDS = Counter("latchkey_job_seconds", "Time that background jobs took.", ("task",))
LOST_LINES = Counter("latchkey_log_lines_dropped", "Lines of the request log that nobody took in time.")

FIGURES: list[Figure] = [value for value in list(globals().values()) if isinstance(value, Counter | Timing | Gauge)]

ADMIN, REFUSED = "admin", "refused"
# Events that say how a sign-in ended. A step of one counts only when it was refused, for success is not the end of it.
_ENDS = frozenset({"login", "admin-login"})
SIGN_INS = _ENDS | {"login-code", "second-factor", "user-code", "admin-second-factor"}
_REASONS = frozenset(Reason)


def event(name: str, door: str, outcome: str, reason: str) -> None:
    """Called for each event of the audit log."""
    EVENTS.add(name, door, outcome)
    found = sign_in(name, door, outcome)
    if found:
        LOGINS.add(found, outcome, reason if reason in _REASONS else "")


def sign_in(name: str, door: str, outcome: str) -> str:
    """At which door a sign-in ended with this event; "" for an event that says nothing of that."""
    if name not in SIGN_INS or (outcome != REFUSED and name not in _ENDS):
        return ""
    return ADMIN if name.startswith(ADMIN) else door or "none"


def refused(door: str, reason: str) -> None:
    """A refusal that no HTTP answer tells: of a frame or event of a socket."""
    REFUSALS.add(door, reason)


@dataclass(frozen=True, slots=True)
class Load:
    """What a pool does: `size` at once at the most, `busy` now, `waiting` for it."""

    size: int
    busy: int
    waiting: int


def watch_pool(name: str, look: Callable[[], Load]) -> None:
    """Shows a pool's load."""
    POOL_SIZE.watch(lambda: {(name,): look().size})
    POOL_BUSY.watch(lambda: {(name,): look().busy})
    POOL_WAITING.watch(lambda: {(name,): look().waiting})
