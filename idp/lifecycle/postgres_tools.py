"""pg_dump and pg_restore: found, called without a password in sight, and heard while they work."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo

from idp.lifecycle.problems import Stopped

MAGIC = b"PGDMP"
_INSTALLED = Path("/usr/lib/postgresql")  # Debian keeps each version in a folder of its own
_OF_LIBPQ = {default.keyword.decode() for default in psycopg.pq.Conninfo.get_defaults()}
_NOT_HANDED_ON = {"password", "options", "client_encoding"}
_WORDS = re.compile(r"^(?:pg_dump|pg_restore): (?:error|fatal|detail): ")

Report = Callable[[str], None]


def dump(target: Path, report: Report) -> None:
    """Writes the whole database as of one moment, in pg_dump's custom format; others write meanwhile. Stopped."""
    command = ["--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=30s", f"--file={target}"]
    _run("pg_dump", [*command, "--dbname", _where(), "--verbose"], _counted(report, "dumping contents of table"))
    check(target)


def restore(file: Path, report: Report) -> None:
    """Brings all of it back in one transaction, or nothing. Stopped."""
    command = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--verbose"]
    told = _counted(report, "processing data for table")
    _run("pg_restore", [*command, "--dbname", _where(), str(file)], told)


def check(file: Path) -> None:
    """Reads every byte; Stopped when it is damaged or ends early."""
    with _output("pg_restore", "--file=-", str(file)) as lines:
        for _ in lines:
            pass


def applied(file: Path) -> set[tuple[str, str]]:
    """The migrations that a dump says were applied. Stopped when it cannot be read."""
    command = ("--data-only", "--table=django_migrations", "--file=-", str(file))
    found: set[tuple[str, str]] = set()
    with _output("pg_restore", *command) as lines:
        inside = False
        for line in lines:
            if inside and line.startswith(b"\\."):
                inside = False
            elif inside:
                _, app, name, *_ = line.decode().split("\t")
                found.add((app, name))
            inside = inside or line.startswith(b"COPY ")
    return found


def _run(name: str, arguments: Sequence[str], hear: Callable[[str], None]) -> None:
    """Runs to its end; each line it says is heard."""
    said: list[str] = []
    with subprocess.Popen(
        [_program(name), *arguments], env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stderr is not None
        try:
            for line in process.stderr:
                hear(line)
                said.append(line)
                del said[:-20]
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise Stopped(f"{name} gave up: {_reason(said)}")


@contextmanager
def _output(name: str, *arguments: str) -> Iterator[Iterator[bytes]]:
    """The lines it prints; Stopped afterwards when it failed."""
    with subprocess.Popen(
        [_program(name), *arguments], env=_environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        yield iter(process.stdout)
        said = process.stderr.read(65_536).decode(errors="replace").splitlines()
    if process.returncode != 0:
        raise Stopped(f"{Path(arguments[-1]).name} is damaged or not whole: {_reason(said)}")


def _counted(report: Report, words: str) -> Callable[[str], None]:
    """Tells of each table that has its turn."""
    total, done = len(connection.introspection.table_names()), 0

    def hear(line: str) -> None:
        nonlocal done
        if words in line:
            done += 1
            table = line.rpartition(words)[2].strip().strip('"')
            report(f"table {done}{f' of {total}' if total else ''}: {table}")

    return hear


def _where() -> str:
    """The database in libpq's words, without the password."""
    given = connection.get_connection_params()
    known = {key: value for key, value in given.items() if key in _OF_LIBPQ and key not in _NOT_HANDED_ON}
    return make_conninfo("", **known)


def _environment() -> dict[str, str]:
    """The password goes by the environment, which other users of the machine cannot read."""
    password = connection.settings_dict.get("PASSWORD") if connection.vendor == "postgresql" else ""
    return os.environ | {"LC_ALL": "C", **({"PGPASSWORD": str(password)} if password else {})}


def _program(name: str) -> str:
    """The newest that is installed and not older than the server, which would be refused. Stopped with the cure."""
    least = connection.pg_version // 10_000 if connection.vendor == "postgresql" else 0  # type: ignore[attr-defined]
    found = {path: _major(path) for path in _candidates(name)}
    fitting = [path for path, version in found.items() if version >= least]
    if not fitting:
        what = f"{name} {least} or later" if least else name
        raise Stopped(f"{what} is not installed here: install it (Debian: apt install postgresql-client-{least or 15})")
    return max(fitting, key=lambda path: found[path])


def _candidates(name: str) -> list[str]:
    first = shutil.which(name)
    return [*([first] if first else []), *map(str, _INSTALLED.glob(f"*/bin/{name}"))]


def _major(path: str) -> int:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"(\d+)", done.stdout)
    return int(version[1]) if done.returncode == 0 and version else 0


def _reason(said: Sequence[str]) -> str:
    """What it complains of first; hints and statements are left out."""
    errors = [_WORDS.sub("", line).strip() for line in said if _WORDS.match(line)]
    return next(iter(errors), "no reason given")[:300]
