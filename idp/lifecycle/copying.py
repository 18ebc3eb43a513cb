"""From SQLite to Postgres: every row of every table, in one transaction, counted on both sides.

The source is locked for everybody else meanwhile, so nothing is lost that somebody writes during the copy. Rows go
through the fields of the models in both directions: what the two databases write differently is right on either side.
"""

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.utils import OperationalError

from accounts import audit
from idp.lifecycle import backing_up, restoring, schema, sqlite_files
from idp.lifecycle.problems import Stopped

_SOURCE = "source"
_CHUNK = 2000  # rows read at once

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """A table and how many rows of it are in either database now."""

    table: str
    rows: int


def copy_into_postgres(file: Path, progress: Progress) -> list[Copied]:
    """Fills the empty Postgres database of this installation from a SQLite file. Stopped, OSError: then it is empty.

    `progress` hears how many rows are done, how many there are, and of what.
    """
    if connection.vendor != "postgresql":
        raise Stopped("the database here is SQLite: set DATABASE_URL to an empty Postgres database, then run this")
    if backing_up.kind_of(file) != "sqlite":
        raise Stopped(f"{file} is no SQLite file")
    missing = restoring.missing_of(sqlite_files.applied(file), str(file))
    if missing:
        raise Stopped(f"{file} is of an older version: run `DATABASE_URL=sqlite:///{file} manage.py migrate` first")
    if table := schema.first_with_rows():
        raise Stopped(f"the Postgres database is not empty ({table} has rows): nothing is written into it")
    with _source(file) as source:
        progress(0, 0, "making the tables")
        call_command("migrate", interactive=False, verbosity=0)
        with transaction.atomic():
            copied = _copy_all(source, progress)
            audit.record_or_fail("database-copied", actor=None, facts={"rows": sum(one.rows for one in copied)})
        progress(0, 0, "telling Postgres how large its tables are")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return copied


@contextmanager
def _source(file: Path) -> Iterator[BaseDatabaseWrapper]:
    """A connection of Django's to the file, with all others kept out; Stopped when somebody has it open."""
    mode = "rw" if os.access(file, os.W_OK) else "ro"
    given = copy.deepcopy(connections.databases["default"]) | {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"file:{quote(str(file.resolve()))}?mode={mode}",
        "OPTIONS": {"uri": True, "timeout": 2},
        "CONN_MAX_AGE": None,
    }
    connections.databases[_SOURCE] = given
    source = connections[_SOURCE]
    try:
        with source.cursor() as cursor:
            if mode == "rw":
                _lock(cursor, file)
            else:
                cursor.execute("BEGIN")  # nobody can write what we cannot write
            yield source
            cursor.execute("ROLLBACK")
    finally:
        source.close()
        del connections[_SOURCE], connections.databases[_SOURCE]


def _lock(cursor: Any, file: Path) -> None:
    """Without a write-ahead log there is one lock for readers and writers; taking it away fails if it is shared."""
    try:
        cursor.execute("PRAGMA journal_mode=DELETE")
        cursor.execute("BEGIN EXCLUSIVE")
    except OperationalError as error:
        if "locked" not in str(error):
            raise Stopped(f"{file} cannot be used: {error}") from None
        raise Stopped(f"{file} is in use: stop the server first, and every other command on it") from None


def _copy_all(source: BaseDatabaseWrapper, progress: Progress) -> list[Copied]:
    models = schema.models()
    counts = {model: model._base_manager.using(_SOURCE).count() for model in models}
    total, done = sum(counts.values()), 0
    highest = _highest_ids(source)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL lock_timeout = 0")
        names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in models)
        cursor.execute(f"TRUNCATE {names}")  # what migrating wrote is in the source too
        for model, rows in counts.items():
            table = model._meta.db_table
            _copy_table(cursor, model, partial(_tell, progress, done, total, table))
            done += rows
            _set_sequence(cursor, model, highest.get(table, 0))
    progress(total, total, "comparing both sides")
    return [Copied(model._meta.db_table, _compared(model, rows)) for model, rows in counts.items()]


def _tell(progress: Progress, before: int, total: int, table: str, rows: int) -> None:
    progress(before + rows, total, table)


def _copy_table(cursor: Any, model: type[Model], told: Callable[[int], None]) -> None:
    """Streams the rows by COPY; memory does not grow with the table. Stopped when Postgres refuses a row."""
    table, fields = model._meta.db_table, model._meta.concrete_fields
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    adapters = [_adapter(field) for field in fields]
    adapted = [(index, adapt) for index, adapt in enumerate(adapters) if adapt]
    rows = model._base_manager.using(_SOURCE).order_by("pk").values_list(*(field.attname for field in fields))
    number = 0
    try:
        with cursor.copy(f"COPY {connection.ops.quote_name(table)} ({columns}) FROM STDIN") as stream:
            for number, row in enumerate(rows.iterator(chunk_size=_CHUNK), 1):
                values = list(row)
                for index, adapt in adapted:
                    values[index] = adapt(values[index])
                stream.write_row(values)
                if number % _CHUNK == 0:
                    told(number)
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).partition("\n")[0]
        raise Stopped(f"Postgres refuses a row of {table}, at the latest row {number} by id: {said}") from None


def _adapter(field: "Field[Any, Any]") -> Callable[[Any], Any] | None:
    """How a value of this kind is written for Postgres; None when the driver knows it as it is."""
    if field.get_internal_type() != "JSONField":
        return None
    return lambda value: field.get_db_prep_save(value, connection)


def _highest_ids(source: BaseDatabaseWrapper) -> dict[str, int]:
    """The highest id that each table ever gave away: one of a deleted row must not come again."""
    with source.cursor() as cursor:
        cursor.execute("SELECT name, seq FROM sqlite_sequence")
        return dict(cursor.fetchall())


def _set_sequence(cursor: Any, model: type[Model], highest: int) -> None:
    key = model._meta.pk
    if key is None or key.get_internal_type() not in {"AutoField", "BigAutoField", "SmallAutoField"}:
        return
    table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(str(key.column))
    cursor.execute(f"SELECT greatest(%s, coalesce(max({column}), 0)) FROM {table}", [highest])  # noqa: S608  # our names
    last = cursor.fetchone()[0]
    named = [model._meta.db_table, key.column]
    cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)", [*named, max(last, 1), last > 0])


def _compared(model: type[Model], rows: int) -> int:
    found = model._base_manager.count()
    if found != rows:
        raise Stopped(f"{model._meta.db_table} has {rows} rows there and {found} here: nothing was kept")
    return rows
