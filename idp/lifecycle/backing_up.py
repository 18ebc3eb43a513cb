"""A consistent copy of the database while the server runs (R61). Keys and files of VAR_DIR are not in it."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from idp.files import draft_of
from idp.lifecycle import postgres_tools, schema, sqlite_files
from idp.lifecycle.problems import Stopped

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """The file that was made, and its size in bytes."""

    file: Path
    size: int


def back_up(file: Path, report: Report) -> Backup:
    """Writes `file`, mode 0600, whole or not at all; an older backup of that name goes when the new one is complete.

    SQLite gives a SQLite file, Postgres a dump for pg_restore. Stopped, OSError.
    """
    if not schema.is_ours(schema.applied()):
        raise Stopped("the database holds nothing yet: there is nothing to back up")
    _refuse_to_overwrite(file)
    with draft_of(file) as draft:
        if connection.vendor == "sqlite":
            sqlite_files.copy(database_file(), draft, report)
        else:
            postgres_tools.dump(draft, report)
    return Backup(file, file.stat().st_size)


def database_file() -> Path:
    """Where SQLite keeps the rows of this installation."""
    return Path(str(connection.settings_dict["NAME"]))


def left_out() -> list[Path]:
    """What is not in a backup and has to be kept as well."""
    own = [settings.VAR_DIR / name for name in ("secret_key", "secret_key_fallbacks", "templates")]
    return [path for path in own if path.exists()]


def kind_of(file: Path) -> str:
    """`sqlite`, `postgresql`, or "" for what is neither, by the first bytes. OSError."""
    with closing(file.open("rb")) as stream:
        head = stream.read(16)
    return "sqlite" if head == sqlite_files.MAGIC else "postgresql" if head.startswith(postgres_tools.MAGIC) else ""


def _refuse_to_overwrite(file: Path) -> None:
    """Only a backup may be replaced: a slip of the finger must not cost a database, ours least of all."""
    if not file.parent.is_dir():
        raise Stopped(f"{file.parent} is no folder")
    if connection.vendor == "sqlite" and file.exists() and file.samefile(database_file()):
        raise Stopped(f"{file} is the database itself")
    if not file.exists() or (file.is_file() and file.stat().st_size == 0):
        return
    if not file.is_file() or not kind_of(file) or not schema.is_ours(_applied(file)):
        raise Stopped(f"{file} is there already and is no backup: choose another name")


def _applied(file: Path) -> set[schema.Migration]:
    try:
        return sqlite_files.applied(file, checked=False) if kind_of(file) == "sqlite" else postgres_tools.applied(file)
    except Stopped:
        return set()
