"""A backup brought back into an empty place (R61): all of it, brought to this code's schema, or nothing."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.db import connection, transaction

from accounts import sealed_rows
from accounts.models import User
from idp.files import draft_of
from idp.lifecycle import backing_up, postgres_tools, schema, sqlite_files
from idp.lifecycle.problems import Stopped

Report = Callable[[str], None]
_NAMES = {"sqlite": "SQLite", "postgresql": "Postgres"}


@dataclass(frozen=True, slots=True)
class Restored:
    """How many accounts there are now, how many migrations were run, and what no key of this installation opens."""

    accounts: int
    migrated: int
    unreadable: int


def restore(file: Path, report: Report) -> Restored:
    """Fills the empty database of this installation. Stopped, OSError: then it is as empty as before."""
    report("reading the backup")
    missing = _looked_into(file)
    if table := schema.first_with_rows():
        raise Stopped(
            f"the database is not empty ({table} has rows): give this installation an empty one to restore into"
        )
    if connection.vendor == "sqlite":
        _into_sqlite(file, report)
    else:
        _into_postgres(file, report)
    unreadable = sum(tally.unreadable for kind in sealed_rows.kinds() for tally in list(sealed_rows.look(kind))[-1:])
    return Restored(User.objects.count(), missing, unreadable)


def _looked_into(file: Path) -> int:
    """Refuses what cannot be restored here, before anything is touched; how many migrations it lacks."""
    kind = backing_up.kind_of(file)
    if not kind:
        raise Stopped(f"{file} is no backup: it begins like neither a SQLite file nor a dump of pg_dump")
    if kind != connection.vendor:
        cure = "copy_database brings it there" if kind == "sqlite" else "set DATABASE_URL to a Postgres database"
        raise Stopped(f"{file} is a backup of {_NAMES[kind]}, the database here is {_NAMES[connection.vendor]}: {cure}")
    if kind == "sqlite":
        applied = sqlite_files.applied(file)
    else:
        postgres_tools.check(file)
        applied = postgres_tools.applied(file)
    return missing_of(applied, str(file))


def missing_of(applied: set[schema.Migration], name: str) -> int:
    """How many migrations it lacks; Stopped when it is not ours, or newer than this code."""
    if not schema.is_ours(applied):
        raise Stopped(f"{name} is no database of Latchkey")
    age = schema.age_of(applied)
    if age.unknown:
        raise Stopped(f"{name} is of a newer Latchkey than this ({'.'.join(age.unknown[0])}): install that one first")
    return len(age.missing)


def _into_sqlite(file: Path, report: Report) -> None:
    """Everything happens in a file beside the database, which takes its place at the end."""
    target = backing_up.database_file()
    connection.close()
    if target.exists():
        with sqlite_files.alone(target):  # a server that runs would go on with the file that is replaced
            pass
        for log in ("-wal", "-shm"):
            target.with_name(target.name + log).unlink(missing_ok=True)
    with draft_of(target) as draft:
        sqlite_files.copy(file, draft, report)
        with _working_on(draft):
            _migrate(report)
        with sqlite_files.alone(draft):  # one file again
            pass


@contextmanager
def _working_on(file: Path) -> Iterator[None]:
    """Django's connection, turned to another file."""
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = str(file)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _into_postgres(file: Path, report: Report) -> None:
    _drop_empty_tables()
    connection.close()
    postgres_tools.restore(file, report)
    _migrate(report)


def _drop_empty_tables() -> None:
    """A database that was migrated but never used has tables, which would be in the way."""
    names = ", ".join(connection.ops.quote_name(name) for name in schema.tables())
    if names:
        with transaction.atomic(), closing(connection.cursor()) as cursor:
            cursor.execute(f"DROP TABLE {names} CASCADE")


def _migrate(report: Report) -> None:
    report("migrating")
    call_command("migrate", interactive=False, verbosity=0)
