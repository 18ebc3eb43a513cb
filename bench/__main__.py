"""`python -m bench`: measures the servers and prints the table. Exit code 0 even where a goal is missed."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from bench import growth, laverna, oauth, rendezvous, report, signaling, sockets, subjects
from bench.measure import Effort
from bench.report import Figure

SERVERS = ("uvicorn", "daphne")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What a request costs the server (CPU).")
    parser.add_argument("--quick", action="store_true", help="fewer turns and rounds, no growth with a million rows")
    parser.add_argument("--server", choices=SERVERS, action="append", help="only this server; may be repeated")
    parser.add_argument("--no-growth", action="store_true", help="without the measurements with very many rows")
    parser.add_argument("--rounds", type=int, help="rounds of which the median is taken (default 5, quick 3)")
    parser.add_argument(
        "--connections", type=int, default=4, help="kept-alive connections that ask at once (default 4)"
    )
    parser.add_argument("--database-url", default="", help="a Postgres server; default: SQLite in a temporary folder")
    parser.add_argument("--redis-url", default="", help="default: in-process layers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the figures to FILE")
    return parser.parse_args()


def measured(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Every figure as soon as it is known."""
    rounds = chosen.rounds or (3 if chosen.quick else 5)
    effort = Effort(rounds, 0.25 if chosen.quick else 1.0, chosen.connections)
    for server in chosen.server or SERVERS:
        yield from subjects.figures_of(server, effort)
        yield from sockets.figures_of(server, scale=effort.scale)
        yield from laverna.figures_of(server, effort)
        yield from signaling.figures_of(server, scale=effort.scale)
        yield from oauth.figures_of(server, effort)
        yield from rendezvous.figures_of(server, effort)
    if not (chosen.quick or chosen.no_growth or chosen.database_url):
        yield from growth.figures_of("uvicorn", effort)
        yield from rendezvous.growth_of("uvicorn", effort)


def main() -> None:
    chosen = options()
    for name, value in (("DATABASE_URL", chosen.database_url), ("REDIS_URL", chosen.redis_url)):
        os.environ.pop(name, None)
        if value:
            os.environ[name] = value
    database = "Postgres" if chosen.database_url else "SQLite"
    print(f"CPU of the server's processes per request, {database}{', Redis' if chosen.redis_url else ''}")
    print(report.heading())
    figures = []
    for figure in measured(chosen):
        figures.append(figure)
        print(report.line(figure), flush=True)
    if chosen.json:
        report.write_json(chosen.json, figures, database=database, redis=bool(chosen.redis_url))


if __name__ == "__main__":
    main()
