"""Node 22 or later, which matrix-js-sdk 43 needs: the machine's own, or the one that npm's node-* packages carry."""

import functools
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.npm import node_in

HERE = Path(__file__).parent
LEAST = 22  # major version of node
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@functools.cache
def node() -> str:
    """The path of a node that is new enough, with the SDK installed beside it; skips the test where there is none."""
    own = node_in(HERE, "matrix-js-sdk", runs="matrix-js-sdk")
    if _version(own) >= LEAST:
        return own
    kind = f"node-{sys.platform}-{_MACHINES.get(platform.machine().lower(), 'unknown')}"
    carried = HERE / "node_modules" / kind / "bin" / "node"
    if not carried.exists() or _version(str(carried)) < LEAST:
        pytest.skip(f"needs node {LEAST} to run matrix-js-sdk 43, and npm carries none for this machine: install it")
    return str(carried)


def _version(path: str) -> int:
    """The major version, 0 when it does not run here."""
    try:
        told = subprocess.run([path, "--version"], check=False, capture_output=True, text=True, timeout=60).stdout
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", told)
    return int(found[1]) if found else 0
