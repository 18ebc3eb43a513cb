"""`python -m tests.faults`: does every fault to live servers and prints the table of docs/reliability.md."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults import figures
from tests.live.database import ROOT


def main() -> int:
    """The exit code of the tests. What follows the command goes to pytest, such as `-k redis`."""
    with tempfile.TemporaryDirectory(prefix="latchkey-faults-") as folder:
        lines = Path(folder) / "figures"
        lines.touch()
        command = [sys.executable, "-m", "pytest", "-n", "0", "tests/faults", *sys.argv[1:]]
        environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
        done = subprocess.run(command, cwd=ROOT, env=environment | {figures.NAME: str(lines)}, check=False)
        print(figures.table(lines))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
