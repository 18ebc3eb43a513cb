"""Real clients from npm: node, with the packages of a lock file in place."""

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.live.database import ROOT


def node_in(folder: Path, package: str, *, runs: str) -> str:
    """The path of node, with the packages of the folder installed; skips the test where that cannot be had.

    `package` is one of them, by which the folder is known to be complete; `runs` says what is run, for the reason.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip(f"needs node and npm to run {runs}: install Node.js 20 or later")
    with (Path(tempfile.gettempdir()) / "latchkey-conformance-npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes share the checkout
        if not (folder / "node_modules" / package).is_dir():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=180)
            if done.returncode:
                shutil.rmtree(folder / "node_modules", ignore_errors=True)
                pytest.skip(f"needs npm's {package}: run `npm ci` in {folder.relative_to(ROOT)} with network")
    return node
