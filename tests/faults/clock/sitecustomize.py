"""Python imports this before anything else where this folder is on the path: the clock that a test moves.

`FAULT_CLOCK` names a file with the seconds by which this process' clock is wrong; it is looked at all the time. What a
process has taken up it tells in a file beside it.
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

_LOOK = 0.02  # seconds


def _follow(file: Path) -> None:
    moved, told = 0.0, file.with_name(f"{file.name}.{os.getpid()}")
    traveller = time_machine.travel(datetime.now(UTC), tick=True).start()
    while True:
        wanted = float(file.read_text() or moved)
        if wanted != moved:
            traveller.shift(timedelta(seconds=wanted - moved))
            moved = wanted
        if not told.exists() or told.read_text() != str(moved):
            told.write_text(str(moved))
        time.sleep(_LOOK)


if "FAULT_CLOCK" in os.environ:
    threading.Thread(target=_follow, args=(Path(os.environ["FAULT_CLOCK"]),), daemon=True).start()
