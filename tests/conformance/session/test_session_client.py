"""The Session door against the cryptography of real Session clients: npm's `libsignal`, driven as desktop drives it."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.live import Installation, running
from tests.live.database import ROOT

HERE = Path(__file__).parent
SETTINGS: dict[str, Any] = {
    "SESSION_CHALLENGE_LIFETIME": "10",  # the least allowed: the expiry check waits for it
    "SESSION_CHALLENGE_RATE": "250/250",
    "RATE_LIMIT_SCALE": "1",
    "TRUSTED_PROXIES": "127.0.0.0/8",  # the 429 check comes from an address of its own
}
LEAST_CHECKS = 100


def node_with_libsignal() -> str:
    """The path of node, with the locked packages in place; skips the test where that cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("needs node and npm to run the real Session client: install Node.js 20 or later")
    with (Path(tempfile.gettempdir()) / "latchkey-conformance-npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (HERE / "node_modules" / "libsignal").is_dir():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=120)
            if done.returncode:
                shutil.rmtree(HERE / "node_modules", ignore_errors=True)
                pytest.skip(f"needs npm's libsignal: run `npm ci` in {HERE.relative_to(ROOT)} with network")
    return node


def checks(node: str, installation: Installation) -> list[dict[str, Any]]:
    """Every check of run.mjs with its outcome."""
    environment = installation.environment | {
        "LATCHKEY_MANAGE": json.dumps([sys.executable, str(ROOT / "manage.py")]),
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [node, "run.mjs", installation.server.base_url],
        cwd=HERE,
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_real_session_client_gets_every_documented_answer(subtests: pytest.Subtests) -> None:
    node = node_with_libsignal()
    with running(**SETTINGS) as installation:
        outcomes = checks(node, installation)
    assert len(outcomes) >= LEAST_CHECKS
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
