"""How long the database takes, by kind of statement: a wrapper around every statement, and around every commit."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.utils import IntegrityError

from accounts import figures

_KINDS = {"SELECT": "read", "INSERT": "write", "UPDATE": "write", "DELETE": "write", "BEGIN": "begin"}


def watch() -> None:
    """Times the statements of every connection that is opened from now on."""
    connection_created.connect(_opened, dispatch_uid="latchkey figures")


def _opened(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A wrapper object keeps what is hung on it here, however often its connection is opened anew."""
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)
        connection.commit = _timed_commit(connection.commit)  # type: ignore[method-assign]  # public, and called by `atomic`


def _timed(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    begun = perf_counter()
    try:
        return execute(sql, params, many, context)
    except IntegrityError:  # the loser of a race: what a unique index is for
        raise
    except Exception as error:
        figures.DATABASE_ERRORS.add(type(error).__name__)
        raise
    finally:
        figures.DATABASE_SECONDS.observe(perf_counter() - begun, _kind(sql))


def _timed_commit(commit: Callable[[], None]) -> Callable[[], None]:
    def timed() -> None:
        begun = perf_counter()
        try:
            commit()
        finally:
            figures.DATABASE_SECONDS.observe(perf_counter() - begun, "commit")

    return timed


def _kind(sql: Any) -> str:
    return _KINDS.get(str(sql)[:7].lstrip().partition(" ")[0].upper(), "other")
