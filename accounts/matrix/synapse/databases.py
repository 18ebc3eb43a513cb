"""A Synapse database, SQLite or Postgres, opened so that nothing can be written to it."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

_SCHEMES = ("postgres://", "postgresql://")
_CONNECT_SECONDS = 10

Row = tuple[Any, ...]


class Unreadable(Exception):
    """Why the accounts cannot be read, in words; never with a password of the database."""


class Database(Protocol):
    """What reading needs of either kind; `mark` stands for a parameter in SQL."""

    mark: str

    def columns(self, table: str) -> set[str]:
        """The columns of a table, none for a table that is not there."""

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of a small answer."""

    def stream(self, sql: str, size: int) -> Iterator[list[Row]]:
        """A large answer, `size` rows at a time."""


@contextmanager
def opened(where: str) -> Iterator[Database]:
    """The database at a path or postgres:// URL, as it was at one moment; Unreadable, also for errors within."""
    try:
        if where.startswith(_SCHEMES):
            with closing(_connect_postgres(where)) as connection:
                yield _Postgres(connection)
        else:
            with closing(_connect_sqlite(where)) as file:
                yield _SQLite(file)
    except psycopg.Error as error:
        raise Unreadable(f"the Synapse database cannot be read: {_first_line(error)}") from error
    except sqlite3.Error as error:
        raise Unreadable(f"{where} cannot be read as a SQLite database: {_first_line(error)}") from error


class _SQLite:
    mark = "?"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def columns(self, table: str) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM pragma_table_info(?)", [table])}

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()  # type: ignore[arg-type]  # sqlite3 names its own types

    def stream(self, sql: str, size: int) -> Iterator[list[Row]]:
        cursor = self._connection.execute(sql)
        while found := cursor.fetchmany(size):
            yield found


class _Postgres:
    mark = "%s"

    def __init__(self, connection: "psycopg.Connection[Row]") -> None:
        self._connection = connection

    def columns(self, table: str) -> set[str]:
        of_table = (
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
        )
        return {name for (name,) in self.rows(of_table, [table])}

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(sql.encode(), values or None).fetchall()

    def stream(self, sql: str, size: int) -> Iterator[list[Row]]:
        with self._connection.cursor(name="latchkey") as cursor:
            cursor.execute(sql.encode())
            while found := cursor.fetchmany(size):
                yield found


def _connect_sqlite(where: str) -> sqlite3.Connection:
    path = Path(where)
    if "://" in where:
        raise Unreadable("only a SQLite file or a postgres:// URL can be read")
    if not path.is_file():
        raise Unreadable(f"{where}: there is no such file")
    connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, isolation_level=None)
    connection.text_factory = lambda stored: stored.decode(errors="replace")
    connection.execute("BEGIN")
    return connection


def _connect_postgres(where: str) -> "psycopg.Connection[Row]":
    try:
        connection = psycopg.connect(where, connect_timeout=_CONNECT_SECONDS)
    except psycopg.ProgrammingError:  # its text may hold parts of the URL
        raise Unreadable("the URL of the Synapse database is malformed") from None
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
