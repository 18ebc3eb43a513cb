"""The two measurements; see the package."""

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.lifecycle import logins, places, rows
from tests.live import database
from tests.live.database import ROOT, Database
from tests.live.server import Server

_QUIET_SECONDS = 20.0


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.lifecycle", description="What operators' tools cost.")
    parser.add_argument("what", choices=("copies", "purge"))
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--logins", type=int, default=2_000, help="accounts that log in after the move; 0: all")
    parser.add_argument("--expired", type=int, default=1_000_000)
    parser.add_argument("--pace", type=float, default=20.0, help="logins each second beside the purge")
    parser.add_argument("--on", choices=("sqlite", "postgres"), default="sqlite", help="where the purge is at work")
    parser.add_argument("--by", choices=("command", "server"), default="command", help="who purges")
    parser.add_argument("--server", choices=("uvicorn", "daphne"), default="uvicorn")
    parser.add_argument("--postgres-url", default="", help="a Postgres server; default: one is started")
    return parser.parse_args()


def environment(folder: Path, url: str, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    own = {"VAR_DIR": str(folder), "DATABASE_URL": url, "RATE_LIMIT_SCALE": "100000", "KEEP_ALIVE": "600"}
    return kept | own | {"SECRET_KEY": secrets.token_hex(32), "PYTHONUNBUFFERED": "1"} | more


def said(what: str, seconds: float, more: str = "") -> None:
    print(f"{what:<44} {seconds:8.1f} s  {more}".rstrip(), flush=True)


def timed(what: str, work: Callable[[], object]) -> None:
    begun = time.perf_counter()
    work()
    said(what, time.perf_counter() - begun)


def copies(chosen: argparse.Namespace, folder: Path, postgres: str) -> None:
    """One installation is listed, backed up, restored, moved to Postgres, and its people log in there."""
    file = places.migrated(folder / "idp.sqlite3")
    timed(f"(filling with {chosen.accounts:,} accounts)", lambda: rows.insert_accounts(file, chosen.accounts))
    here = environment(folder, f"sqlite:///{file}", SERVER=chosen.server)
    seconds, listed = places.command(here, "users", "list")
    said("users list", seconds, f"{listed.count(chr(10)):,} lines")
    seconds, _ = places.command(here, "backup", folder / "backup")
    said("backup", seconds, f"{(folder / 'backup').stat().st_size / 2**20:.0f} MiB")
    there = here | {"DATABASE_URL": f"sqlite:///{folder / 'restored.sqlite3'}"}
    said("restore", places.command(there, "restore", folder / "backup")[0])
    with database.empty_database(folder, postgres) as place:
        moved = here | {"DATABASE_URL": place.url}
        seconds, told = places.command(moved, "copy_database", file)
        said("copy_database", seconds, told.splitlines()[-1])
        seconds, _ = places.command(moved, "backup", folder / "dump")
        said("backup of Postgres", seconds, f"{(folder / 'dump').stat().st_size / 2**20:.0f} MiB")
        with database.empty_database(folder, postgres) as again:
            said(
                "restore of Postgres",
                places.command(moved | {"DATABASE_URL": again.url}, "restore", folder / "dump")[0],
            )
        _log_in_everybody(moved, folder, chosen)


def _log_in_everybody(moved: dict[str, str], folder: Path, chosen: argparse.Namespace) -> None:
    count = chosen.logins or chosen.accounts
    numbers = range(1, chosen.accounts + 1, max(1, chosen.accounts // count))
    server = Server(moved, folder / "server.log")
    try:
        server.start()
        begun = time.perf_counter()
        found = asyncio.run(
            logins.each(server.port, numbers, told=lambda done: print(f"  {done:,} logged in", file=sys.stderr))
        )
        more = f"{len(found.seconds):,} of {len(numbers):,} accounts logged in"
        said("logins afterwards", time.perf_counter() - begun, more)
    finally:
        server.kill()
    if found.refused:
        sys.exit(f"refused: {found.refused[:20]}")


def purge(chosen: argparse.Namespace, folder: Path, postgres: str) -> None:
    """The p95 of logins before, during and after; the ratio to the quiet phases is what R62 bounds by 2."""
    file = places.migrated(folder / "idp.sqlite3")
    accounts = min(chosen.accounts, 10_000)
    rows.insert_accounts(file, accounts)
    timed(f"(filling with {chosen.expired:,} expired rows)",
          lambda: rows.insert_expired(file, chosen.expired, accounts=accounts))  # fmt: skip
    here = environment(folder, f"sqlite:///{file}", SERVER=chosen.server)
    if chosen.by == "server":
        here["PURGE_INTERVAL"] = "60"
    if chosen.on == "sqlite":
        _beside(Database(here["DATABASE_URL"]), here, folder, accounts, chosen)
        return
    with database.empty_database(folder, postgres) as place:
        moved = here | {"DATABASE_URL": place.url}
        said("(moving to Postgres)", places.command(moved, "copy_database", file)[0])
        _beside(place, moved, folder, accounts, chosen)


def _beside(place: Database, here: dict[str, str], folder: Path, accounts: int, chosen: argparse.Namespace) -> None:
    """A second server, with nothing to purge, is asked at the same moments: it meets the same noise of the machine."""
    other = folder / "control"
    other.mkdir()
    rows.insert_accounts(places.migrated(other / "idp.sqlite3"), accounts)
    control = environment(other, f"sqlite:///{other / 'idp.sqlite3'}", SERVER=chosen.server, PURGE_INTERVAL="604800")
    servers = Server(here, folder / "server.log"), Server(control, other / "server.log")
    found: dict[str, list[logins.Timed]] = {}
    try:
        ports = [server.start().port for server in servers]
        load = partial(_both, ports, accounts=accounts, pace=chosen.pace)
        asyncio.run(load(_after(5.0)))  # warm
        found["before"] = asyncio.run(load(_after(_QUIET_SECONDS)))
        begun = time.perf_counter()
        found["during"] = asyncio.run(load(_purging(place, here, chosen)))
        took = time.perf_counter() - begun
        found["after"] = asyncio.run(load(_after(_QUIET_SECONDS)))
        left = _expired(place)
    finally:
        for server in servers:
            server.kill()
    _tell(found)
    rate = (chosen.expired - left) / took
    print(f"purge on {chosen.on} by the {chosen.by}: {took:.0f} s, {rate:,.0f} rows a second, {left} left")


async def _both(ports: list[int], over: Callable[[], bool], *, accounts: int, pace: float) -> list[logins.Timed]:
    return await asyncio.gather(*(logins.until(port, over, accounts=accounts, each_second=pace) for port in ports))


def _tell(found: dict[str, list[logins.Timed]]) -> None:
    for name, phases in found.items():
        for which, phase in zip(("purged", "control"), phases, strict=True):
            print(
                f"{name:<7} {which:<8} {len(phase.seconds):6} logins  p50 {phase.share(0.5):6.1f} ms  "
                f"p95 {phase.share(0.95):6.1f} ms  p99 {phase.share(0.99):6.1f} ms  refused {len(phase.refused)}"
            )
    quiet = logins.Timed(found["before"][0].seconds + found["after"][0].seconds)
    purged, control = found["during"]
    print(f"p95 during the purge: {purged.share(0.95) / quiet.share(0.95):.2f} × that of the quiet phases, "
          f"{purged.share(0.95) / control.share(0.95):.2f} × that of the control at the same time")  # fmt: skip


def _after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def _purging(place: Database, here: dict[str, str], chosen: argparse.Namespace) -> Callable[[], bool]:
    """Starts a purge, or waits for the server's own; tells when nothing is left."""
    if chosen.by == "command":
        command = [sys.executable, "manage.py", "purge"]
        process = subprocess.Popen(command, cwd=ROOT, env=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return lambda: process.poll() is not None
    looked = [time.perf_counter(), 1.0]

    def is_over() -> bool:
        if time.perf_counter() - looked[0] > 5.0:
            looked[:] = time.perf_counter(), _expired(place)
        return looked[1] == 0

    return is_over


def _expired(place: Database) -> int:
    """Rows that are still to go."""
    counts = (
        "SELECT count(*) FROM accounts_challenge WHERE purpose = 'code'",
        "SELECT count(*) FROM accounts_token WHERE revoked_at < '2026-01-01'",
        "SELECT count(*) FROM accounts_auditevent WHERE at < '2026-01-01'",
    )
    return sum(place.query(sql)[0][0] for sql in counts)


def main() -> None:
    chosen = options()
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as name:
        needs = chosen.what == "copies" or chosen.on == "postgres"
        with places.postgres(chosen.postgres_url if needs else "none") as url:
            (copies if chosen.what == "copies" else purge)(chosen, Path(name), url)


if __name__ == "__main__":
    main()
