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


def cpu_seconds(pid: int) -> float:
    """User and system time of one process, of all its threads."""
    stat = _text(Path(f"/proc/{pid}/stat"))
    if not stat:
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


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
