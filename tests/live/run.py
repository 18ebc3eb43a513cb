"""`running`: one or several servers on one database of their own."""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.live.database import ROOT, Database, own_database
from tests.live.nginx import Front, in_front
from tests.live.server import Server

_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "REDIS_URL", "SERVER")


@dataclass(frozen=True, slots=True)
class Installation:
    """Servers that share a database, a secret key and a folder."""

    folder: Path
    database: Database
    environment: dict[str, str]
    servers: list[Server]

    @property
    def server(self) -> Server:
        """The first, mostly the only one."""
        return self.servers[0]

    def manage(self, *arguments: str, typed: str = "") -> str:
        """Runs a management command on the installation, as an operator would who types that; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            check=False,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def environment_of(database: Database, folder: Path) -> dict[str, str]:
    """Settings for servers of one installation, with a secret key of its own."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "VAR_DIR": str(folder),
        "DATABASE_URL": database.url,
        "SECRET_KEY": secrets.token_hex(32),
        "RATE_LIMIT_SCALE": "100000",
        "HTTP_THREADS": "64",  # tests ask fifty times at once, and each may wait for a hash
        "PYTHONUNBUFFERED": "1",
    }


def _servers(environment: dict[str, str], folder: Path, count: int) -> list[Server]:
    """As many as are wanted; with BEHIND_NGINX=1 each of them is two behind the shipped nginx site."""
    if not in_front():
        return [Server(environment, folder / f"server{number}.log") for number in range(count)]
    believes = "TRUSTED_PROXIES" in environment
    environment.setdefault("TRUSTED_PROXIES", "127.0.0.1")
    # An end counts with the next request where it was made, and within a second elsewhere (R27). Tests that ask at once
    # whether a token is dead would now and then meet that second.
    environment.setdefault("TOKEN_CACHE", "off")
    fronts: list[Server] = []
    for number in range(count):
        own = folder / f"front{number}"
        own.mkdir()
        two = [Server(environment, folder / f"server{number}.log") for _ in range(2)]
        fronts.append(Front(two, own, believes_clients=believes))
    return fronts


@contextlib.contextmanager
def running(
    *, count: int = 1, postgres: str = "", within: Path | None = None, **settings: str
) -> Iterator[Installation]:
    """`count` servers on one fresh database, with these settings; all gone at the end. `postgres`: the URL of one;
    `within`: where their folder is made.

    Rate limits are wide unless the settings say otherwise: loads come from one address here.
    """
    folder = Path(tempfile.mkdtemp(prefix="latchkey-live-", dir=within))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database = stack.enter_context(own_database(folder, postgres))
        environment = environment_of(database, folder) | settings
        servers = _servers(environment, folder, count)
        for server in servers:
            stack.callback(server.kill)
            server.start()
        yield Installation(folder, database, environment, servers)
