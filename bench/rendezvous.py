"""Rendezvous sessions: creating, reading, polling, writing; and whether that grows with 100 000 live sessions."""

import contextlib
import hashlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

from bench import rendezvous_scenarios as asked
from bench.growth import compared
from bench.measure import Effort, cpu_microseconds, generator, median
from bench.report import Figure
from bench.scenarios import Bare
from bench.subjects import bare_server
from tests.live import Database, running

# The generator stands for a proxy; its connections rest while the other server is asked.
_RESTS = {"KEEP_ALIVE": "600", "HEAD_TIMEOUT": "300"}
SETTINGS: dict[str, Any] = {"TRUSTED_PROXIES": "127.0.0.0/8", "RENDEZVOUS_MOST": "10000000", **_RESTS}
TURNS = {asked.Creation.name: 1000, asked.Write.name: 1000, asked.JsonWrite.name: 1000}
FEW, MANY = 100, 100_000
ASKED = 2_000


def figures_of(kind: str, effort: Effort) -> Iterator[Figure]:
    """One server class: each request, beside the bare answer of the same server class."""
    with running(SERVER=kind, **SETTINGS) as installation, bare_server(installation) as bare:
        with generator(bare, connections=effort.connections) as load:
            load.choose(Bare.name)
            base = median(cpu_microseconds(bare, load, turns=max(300, int(3000 * effort.scale)), rounds=effort.rounds))
        for name in asked.ALL:
            with generator(installation.server, connections=effort.connections) as load:
                load.choose(name)
                turns = max(100, int(TURNS.get(name, 3000) * effort.scale))
                cost = cpu_microseconds(installation.server, load, turns=turns, rounds=effort.rounds)
            yield Figure(kind, name, median(cost), "µs", ratio=median(cost) / base, spread=(min(cost), max(cost)))


def growth_of(kind: str, effort: Effort) -> Iterator[Figure]:
    """Reads and creations with few live sessions and with very many (SQLite)."""
    with running(SERVER=kind, **SETTINGS) as few, running(SERVER=kind, **SETTINGS) as many:
        few_ids, many_ids = (_insert(each.database, count) for each, count in ((few, FEW), (many, MANY)))
        subjects: list[tuple[str, Any, Any]] = [
            (asked.Listed.name, few_ids, many_ids),
            (asked.Creation.name, None, None),
            (asked.Write.name, None, None),
        ]
        for name, of_few, of_many in subjects:
            yield from compared(
                kind, name, "sessions", [(few, name, of_few), (many, name, of_many)], (FEW, MANY), effort
            )


def _insert(database: Database, count: int) -> list[str]:
    """Live sessions with a message each, of as many addresses; the ids of some, spread over all."""
    ids = [f"td{secrets.token_urlsafe(18)}" for _ in range(count)]
    now = int(time.time() * 1000)
    expires = now + 3_600_000  # longer than the measurement
    rows = (
        (
            hashlib.sha256(text.encode()).digest(),
            secrets.token_bytes(600),
            secrets.token_hex(16),
            now,
            now,
            expires,
            text,
        )
        for text in ids
    )
    with contextlib.closing(database.connect()) as connection:
        connection.executemany(
            "INSERT INTO rendezvous_rendezvoussession "
            "(digest, form, data, token, previous, writes, created_ms, written_ms, expires_ms, address) "
            "VALUES (?, '4108', ?, ?, '', 0, ?, ?, ?, ?)",
            rows,
        )
        connection.execute(
            "INSERT INTO rendezvous_livecount (until, number) VALUES (?, ?)", (expires // 1000 + 10, count)
        )
        connection.execute("ANALYZE")
        connection.commit()
    return ids[:: max(1, count // ASKED)][:ASKED]
