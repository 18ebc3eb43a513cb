"""Programs that stand for gpg: slow ones, lying ones, and one that tells what it was asked."""

import os
import time
from pathlib import Path

# Says that it runs, how many do, and waits until it may end. ROOM is replaced by a folder.
_WAITING = """#!/bin/sh
echo $$ > ROOM/began.$$
: > ROOM/running.$$
ls ROOM | grep -c '^running' >> ROOM/counts
while [ ! -e ROOM/go ]; do sleep 0.02; done
rm ROOM/running.$$
exit 2
"""
_HANGING = """#!/bin/sh
echo $$ > ROOM/began.parent
sleep 600 &
echo $! > ROOM/began.child
wait
"""
_TELLING = """#!/bin/sh
printf '%s\\n' "$@" > ROOM/arguments
env > ROOM/environment
pwd > ROOM/folder
ls -ld . | cut -c 1-10 > ROOM/mode
cat > ROOM/input
exit 2
"""
_SAYING = """#!/bin/sh
cat > /dev/null
printf '{}\\n' > text
cat ROOM/status
exit CODE
"""


def _program(room: Path, text: str) -> str:
    path = room / "gpg"
    path.write_text(text.replace("ROOM", str(room)))
    path.chmod(0o700)
    return str(path)


def waiting(room: Path) -> str:
    """Runs until the file `go` is there, then fails."""
    return _program(room, _WAITING)


def hanging(room: Path) -> str:
    """Never ends, and has a child that does not either."""
    return _program(room, _HANGING)


def telling(room: Path) -> str:
    """Writes down its arguments, environment, folder and input."""
    return _program(room, _TELLING)


def saying(room: Path, status: str, *, code: int = 0) -> str:
    """Puts out a text and these status lines."""
    (room / "status").write_text(status)
    return _program(room, _SAYING.replace("CODE", str(code)))


def numbers(room: Path) -> list[int]:
    """The numbers of the processes that began."""
    return [int(path.read_text()) for path in room.glob("began.*") if path.read_text().strip()]


def is_running(number: int) -> bool:
    """Whether a process with this number runs; one that ended and is still listed does not."""
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def until(condition: object, what: str) -> None:
    """Waits for something that other threads and processes do."""
    deadline = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
