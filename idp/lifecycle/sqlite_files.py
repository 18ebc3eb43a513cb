"""SQLite's files: copied while others write, looked into, and kept for oneself (SQLite's online backup API)."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from idp.lifecycle.problems import Stopped

MAGIC = b"SQLite format 3\0"
_PAGES = 1024  # at once; between two steps the progress is told
_PATIENCE = 30.0  # seconds for a writer that is at work

Report = Callable[[str], None]


def copy(source: Path, target: Path, report: Report) -> None:
    """Copies the database into `target`, which must exist, as one file that is checked; others may write meanwhile.

    The copy is of one moment: a transaction holds the source's snapshot, without which the copying would begin anew
    with every write of others. Stopped when either file cannot be used.
    """
    try:
        with closing(_opened(source, "rw")) as here, closing(_opened(target, "rw")) as there:
            here.execute("BEGIN")
            here.execute("SELECT count(*) FROM sqlite_master").fetchone()
            size = int(here.execute("PRAGMA page_size").fetchone()[0])
            here.backup(
                there, pages=_PAGES, progress=lambda _, left, total: report(_so_far(left, total, size)), sleep=0
            )
            here.rollback()
            there.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            report("checking the copy")
            check(there, target.name)
    except sqlite3.Error as error:
        raise Stopped(f"{source.name} cannot be copied: {error}") from None


def check(connection: sqlite3.Connection, name: str) -> None:
    """Stopped when pages are missing or damaged."""
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise Stopped(f"{name} is damaged or not whole: {' '.join(str(found).split())[:200]}")


def applied(file: Path, *, checked: bool = True) -> set[tuple[str, str]]:
    """The migrations that a file says were applied, none when it has no such table. Stopped when it is damaged.

    `checked` reads all of it.
    """
    with reading(file) as connection:
        if checked:
            check(connection, file.name)
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'").fetchone()
        return set(connection.execute("SELECT app, name FROM django_migrations")) if known else set()


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing; Stopped for a file that is no database."""
    try:
        with closing(_opened(file, "ro")) as connection:
            yield connection
    except sqlite3.Error as error:
        raise Stopped(f"{file.name} cannot be read as a SQLite database: {error}") from None


@contextmanager
def alone(file: Path) -> Iterator[sqlite3.Connection]:
    """Keeps everybody else out of the file: who has it open stops us, who opens it meanwhile waits and is refused.

    The file is left without a write-ahead log, which the next server makes again. Stopped when it is in use.
    """
    try:
        with closing(_opened(file, "rw", patience=2.0)) as connection:
            connection.isolation_level = None
            if connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                raise sqlite3.OperationalError("locked")
            connection.execute("BEGIN EXCLUSIVE")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "busy" not in str(error):
            raise Stopped(f"{file.name} cannot be used: {error}") from None
        raise Stopped(f"{file.name} is in use: stop the server first, and every other command on it") from None


def _opened(file: Path, mode: str, *, patience: float = _PATIENCE) -> sqlite3.Connection:
    """Never makes a file that is not there."""
    return sqlite3.connect(f"file:{quote(str(file))}?mode={mode}", uri=True, timeout=patience)


def _so_far(left: int, total: int, page: int) -> str:
    done, all_of_it = (total - left) * page / 2**20, total * page / 2**20
    return f"{done:.0f} of {all_of_it:.0f} MiB copied"
