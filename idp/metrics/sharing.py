"""The numbers of all worker processes behind one port: each writes its own into a file once a second.

A scrape reaches one of the workers, which adds the others' files to its own numbers. What a worker counted stays when
it is gone, or the sums would fall; what it held (sockets, memory) goes with it. One process alone writes nothing. A
disk that is full costs the others' last seconds and nothing else: files are written, never mapped.
"""

import logging
import multiprocessing
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from accounts import figures
from accounts.figures import FIGURES, Counter, Figure, Labels, Timing
from idp.metrics import sampling

_log = logging.getLogger("latchkey.figures")
INTERVAL = 1.0  # seconds between two writings
_SILENT = 20.0  # seconds after which a worker holds nothing any more
_FOLDER = "figures"
_MOST_FILES = 200  # of a server whose workers die again and again
_OLD = 86_400.0  # seconds; then a folder of another machine that shares VAR_DIR is taken for left behind

Row = float | list[float]
Rows = dict[Labels, Row]
ALL: tuple[Figure, ...] = (*FIGURES, *sampling.OWN)


def own() -> dict[str, Rows]:
    """The numbers of this process."""
    sampling.refresh()
    return {figure.name: dict(figure.copy()) for figure in ALL}


def together() -> dict[str, Rows]:
    """The numbers of all workers, this one's as they are now."""
    found = own()
    for numbers, lives in _others():
        for figure in ALL:
            if lives or not isinstance(figure, figures.Gauge):
                _add(figure, found[figure.name], numbers.get(figure.name, []))
    return found


def save() -> None:
    """Writes this worker's numbers for the others; nothing where there are none."""
    folder = _folder()
    if folder is None:
        return
    content = orjson.dumps({name: [[labels, row] for labels, row in rows.items()] for name, rows in own().items()})
    try:
        _write(folder, content)
    except OSError as error:  # a disk that is full is the operator's trouble already; it is told once a minute
        _complain(int(time.monotonic() / 60), type(error).__name__)


@lru_cache(maxsize=1)
def _complain(minute: int, name: str) -> None:
    _log.warning("the figures of this worker were not written for the others: %s", name)


def _write(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f"{os.getpid()}.draft"
    draft.write_bytes(content)
    draft.replace(folder / f"{os.getpid()}.json")
    for file in sorted(folder.glob("*.json"), key=_age)[_MOST_FILES:]:
        file.unlink(missing_ok=True)


def clean() -> None:
    """Takes away what servers left that run no more."""
    for folder in (Path(settings.VAR_DIR) / _FOLDER).glob("*"):
        host, _, pid = folder.name.rpartition("-")[0].rpartition("-")
        is_here = host == _host() and pid.isdecimal()
        if not _is_this(int(pid), folder.name) if is_here else _age(folder) > _OLD:
            shutil.rmtree(folder, ignore_errors=True)


def _others() -> Iterator[tuple[Mapping[str, Any], bool]]:
    folder = _folder()
    for file in sorted(folder.glob("*.json")) if folder is not None else ():
        if file.stem == str(os.getpid()):
            continue
        with suppress(OSError, orjson.JSONDecodeError):
            found = orjson.loads(file.read_bytes())
            if isinstance(found, dict):
                yield found, _age(file) < _SILENT


def _add(figure: Figure, rows: Rows, more: list[Any]) -> None:
    for names, number in more:
        labels = tuple(names)
        mine = rows.get(labels)
        if isinstance(figure, Timing) and len(number) != len(figure.bounds) + 2:
            continue  # of a worker that runs another release
        if mine is None:
            rows[labels] = number
        elif isinstance(mine, list):
            rows[labels] = [a + b for a, b in zip(mine, number, strict=True)]
        else:
            is_sum = isinstance(figure, Counter) or not getattr(figure, "largest", False)
            rows[labels] = mine + number if is_sum else max(mine, number)


@cache
def _folder() -> Path | None:
    """Where the workers of one server meet, named by machine, number and start of their parent; None for one alone."""
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None:
        return None
    return Path(settings.VAR_DIR) / _FOLDER / _name(parent.pid)


def _name(pid: int) -> str:
    return f"{_host()}-{pid}-{_start_of(pid)}"


def _is_this(pid: int, name: str) -> bool:
    """Whether the process lives that the folder is named by, and is not another that was given its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _name(pid) == name


def _start_of(pid: int) -> str:
    """Clock ticks from the machine's start to the process's; "0" where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _host() -> str:
    return "".join(char if char.isalnum() else "_" for char in socket.gethostname())[:40]


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
