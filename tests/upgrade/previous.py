"""The code of the release before, taken out of the history of this checkout."""

import functools
import io
import os
import subprocess
import tarfile
from pathlib import Path

from tests.live.database import ROOT

_BEFORE_THE_FIRST = "2f131a03d534d8744476067b2dfb6b13b87c7cc2"  # what had landed last: three doors, half the tables


@functools.cache
def missing() -> str:
    """Why there is none, in one line with the cure; "" when there is."""
    done = _git("cat-file", "-e", f"{_name()}^{{commit}}")
    return "" if done.returncode == 0 else f"the history has no {_name()[:12]}: git fetch --unshallow --tags"


def unpack(folder: Path) -> Path:
    """The whole tree of that release in this folder."""
    done = _git("archive", "--format=tar", _name())
    assert done.returncode == 0, done.stderr
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@functools.cache
def _name() -> str:
    """PREVIOUS_RELEASE, else the newest tag `v…` before this commit, else what was there before the first one."""
    if named := os.environ.get("PREVIOUS_RELEASE"):
        return named
    done = _git("describe", "--tags", "--abbrev=0", "--match=v[0-9]*", "HEAD^")
    return done.stdout.decode().strip() if done.returncode == 0 else _BEFORE_THE_FIRST


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, timeout=60)
    except FileNotFoundError:
        return subprocess.CompletedProcess(arguments, 127, b"", b"git is not installed")
