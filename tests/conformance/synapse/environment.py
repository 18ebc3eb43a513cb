"""A Python environment with a real Synapse, made once in the temporary folder and used by every run afterwards.

    python -m tests.conformance.synapse.environment

makes it, in a minute on a quiet machine; `.ci/run` does so. The tests take it as it is, and are skipped without it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PINS = Path(__file__).parent / "requirements.txt"
_SECONDS = 900.0
_CURE = "run `.venv/bin/python -m tests.conformance.synapse.environment` once, with network"


def python() -> str:
    """Its interpreter; skips the test where it was not made."""
    folder = _folder()
    if not (folder / "done").exists():
        pytest.skip(f"needs a Synapse: {_CURE}")
    return str(folder / "bin" / "python")


def make() -> str:
    """Makes it unless it is there; why it could not be made, "" when it is there."""
    folder = _folder()
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # runs and checkouts share it
        if (folder / "done").exists():
            return ""
        shutil.rmtree(folder, ignore_errors=True)
        failure = _install(folder)
        if failure:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            (folder / "done").touch()
        return failure


def _folder() -> Path:
    digest = hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"latchkey-synapse-{digest}-py{sys.version_info.minor}"


def _install(folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "--only-binary", ":all:", "-r", str(PINS)]):
        try:
            ended = subprocess.run(
                command, env=environment, check=False, capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            return "it took too long"
        if ended.returncode:
            return (ended.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
    return ""


if __name__ == "__main__":
    if complaint := make():
        print(f"no Synapse for the tests: {complaint}")
        sys.exit(1)
    print(f"Synapse for the tests: {_folder()}")
