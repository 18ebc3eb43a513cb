"""Whether cost grows with what is stored: GET /token with many tokens, a decision with many rules (SQLite).

The server with few rows and the one with many are asked in turn, so that a noisy moment meets both.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from bench import scenarios
from bench.measure import Effort, Generator, cpu_microseconds, generator, median
from bench.report import Figure
from bench.rows import insert_rules, insert_tokens
from tests.live import Installation, Server, running

FEW_TOKENS, MANY_TOKENS = 1_000, 1_000_000
FEW_RULES, MANY_RULES = 10, 100_000
ASKED = 2_000


def figures_of(kind: str, effort: Effort) -> Iterator[Figure]:
    """The two growths of one server class."""
    with running(SERVER=kind) as few, running(SERVER=kind) as many:
        few_tokens = insert_tokens(few.database, FEW_TOKENS, asked=ASKED)
        many_tokens = insert_tokens(many.database, MANY_TOKENS, asked=ASKED)
        name = scenarios.ListedTokens.name
        costs = _in_turn([(few, name, few_tokens), (many, name, many_tokens)], effort=effort)
        yield from _told(kind, "GET /token", "tokens", (FEW_TOKENS, MANY_TOKENS), costs)
    with running(SERVER=kind) as few, running(SERVER=kind) as many:
        insert_rules(few.database, FEW_RULES)
        insert_rules(many.database, MANY_RULES)
        name = scenarios.GetChallenge.name
        costs = _in_turn([(few, name, None), (many, name, None)], effort=effort)
        yield from _told(kind, "get_challenge", "rules", (FEW_RULES, MANY_RULES), costs)


def compared(
    kind: str,
    request: str,
    rows: str,
    subjects: list[tuple[Installation, str, Any]],
    counts: tuple[int, int],
    effort: Effort,
) -> Iterator[Figure]:
    """One request asked of a server with few rows and of one with many."""
    yield from _told(kind, request, rows, counts, _in_turn(subjects, effort=effort))


def _in_turn(subjects: list[tuple[Installation, str, Any]], *, effort: Effort) -> tuple[list[float], ...]:
    """The rounds of each subject, taken alternately on freshly started servers."""
    with contextlib.ExitStack() as stack:
        loads: list[tuple[Server, Generator]] = []
        for installation, name, argument in subjects:
            server = installation.server.restart()
            load = stack.enter_context(generator(server, connections=effort.connections))
            load.choose(name, argument)
            loads.append((server, load))
        costs: tuple[list[float], ...] = tuple([] for _ in subjects)
        for _ in range(2 * effort.rounds):
            for (server, load), cost in zip(loads, costs, strict=True):
                cost.extend(cpu_microseconds(server, load, turns=max(50, int(1000 * effort.scale)), rounds=1))
    return costs


def _told(
    kind: str, request: str, rows: str, counts: tuple[int, int], costs: tuple[list[float], ...]
) -> Iterator[Figure]:
    few, many = (f"{count:,}".replace(",", " ") for count in counts)
    for count, cost in zip((few, many), costs, strict=True):
        yield Figure(kind, f"{request}, {count} {rows}", median(cost), "µs", spread=(min(cost), max(cost)))
    # The quotient of the least: what else the machine does only ever adds, and seldom to both alike.
    yield Figure(kind, f"{request}, {many} / {few} {rows}", min(costs[1]) / min(costs[0]), "×")
