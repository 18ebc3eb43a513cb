"""What /proc says of a process and its children."""

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """The process and all its descendants that live."""
    found = [pid]
    for member in found:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            found.extend(int(child) for child in _text(task).split())
    return found


def workers(pid: int) -> list[int]:
    """The worker processes below a server that has several."""
    return [child for child in family(pid)[1:] if "spawn_main" in _text(Path(f"/proc/{child}/cmdline"))]


def lives(pid: int) -> bool:
    """Whether it runs: neither gone nor dead and waiting for its parent."""
    stat = _text(Path(f"/proc/{pid}/stat"))
    return bool(stat) and stat.rpartition(")")[2].split()[0] != "Z"


def cpu_seconds(pid: int) -> float:
    """User and system time of one process, of all its threads and of the children that have ended."""
    stat = _text(Path(f"/proc/{pid}/stat"))
    if not stat:
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """Memory that the process holds (RSS)."""
    fields = _text(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * _PAGE_BYTES if fields else 0


def _text(path: Path) -> str:
    """The file, "" when its process is gone."""
    try:
        return path.read_text()
    except OSError:
        return ""
