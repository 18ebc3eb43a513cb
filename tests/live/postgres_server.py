"""A Postgres of a test's own: a fresh cluster on a free loopback port, that can be killed, frozen and started again.

Postgres refuses to run as root: then the cluster is the user `postgres`'s.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.live import process
from tests.live.redis_server import free_port
from tests.live.stoppable import StoppableServer

MISSING = "Postgres' own programs are not installed: apt-get install postgresql"
NO_USER = "Postgres does not run as root and there is no user postgres: apt-get install postgresql"
_PATIENCE = 60.0
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # processes are killed here, not machines
    "max_connections": "200",
    "shared_buffers": "32MB",
    "logging_collector": "off",
}


class PostgresServer(StoppableServer):
    def __init__(self) -> None:
        self._programs = _programs()
        self._user = _user()
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="latchkey-postgres-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        initdb = ("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        done = self._popen(*initdb, "--pgdata", str(self._data), stderr=subprocess.PIPE)
        _, complaint = done.communicate(timeout=_PATIENCE)
        assert done.returncode == 0, complaint

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def start(self, **options: str) -> "PostgresServer":
        """Starts and waits until it takes connections; options as in postgresql.conf."""
        said = [f"-c{name}={value}" for name, value in (_OPTIONS | {"port": str(self.port)} | options).items()]
        self._process = self._popen("postgres", "-D", str(self._data), *said, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return self
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "Postgres did not start"
                assert self._process.poll() is None, "Postgres ended"
                time.sleep(0.02)

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """One statement, outside transactions; its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def end_connections(self, database: str) -> int:
        """What an administrator does with pg_terminate_backend, until it is done: how many connections ended."""
        sql = f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{database}'"
        return len(self.execute(sql))

    def _restart(self) -> None:
        self.start()

    def kill(self) -> None:
        """kill -9, all its processes."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(_PATIENCE)
            self._process = None

    def stop(self) -> None:
        """As an administrator restarts it: who is connected is told to go."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_PATIENCE)
            self._process = None

    def _signal(self, number: int) -> None:
        """To all its processes; those for one connection each come and go."""
        assert self._process is not None
        for pid in process.family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _popen(self, program: str, *arguments: str, stderr: int) -> subprocess.Popen[bytes]:
        who: dict[str, Any] = {"user": self._user, "group": self._group(), "extra_groups": []} if self._user else {}
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            **who,
        )

    def _group(self) -> int:
        return pwd.getpwnam(self._user).pw_gid


def _programs() -> Path:
    """The folder of the newest version that is installed; where there is none the test is skipped."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        pytest.skip(MISSING)
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def _user() -> str:
    """Who runs it: "" for whoever runs the tests."""
    if os.geteuid() != 0:
        return ""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip(NO_USER)
