"""The Matrix door against matrix-js-sdk, which Element web and desktop are made with."""

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

from tests.conformance.matrix.conftest import TOKEN
from tests.live import Installation
from tests.live.database import ROOT

HERE = Path(__file__).parent
LEAST_CHECKS = 30


@pytest.fixture(scope="session")
def node() -> str:
    """The path of node, with the locked packages in place; skips the test where that cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("needs node and npm to run matrix-js-sdk: install Node.js 20 or later")
    with (Path(tempfile.gettempdir()) / "latchkey-conformance-npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (HERE / "node_modules" / "matrix-js-sdk").is_dir():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=120)
            if done.returncode:
                shutil.rmtree(HERE / "node_modules", ignore_errors=True)
                pytest.skip(f"needs npm's matrix-js-sdk: run `npm ci` in {HERE.relative_to(ROOT)} with network")
    return node


def checks(node: str, **installations: Installation) -> list[dict[str, Any]]:
    """Every check of run.mjs with its outcome."""
    described = {
        name: {
            "baseUrl": installation.server.base_url,
            "folder": str(installation.folder),
            "databaseUrl": installation.database.url,
            "registrationToken": TOKEN,
        }
        for name, installation in installations.items()
    }
    environment = {
        "LATCHKEY_INSTALLATIONS": json.dumps(described),
        "LATCHKEY_OPERATING": json.dumps([sys.executable, "-m", "tests.conformance.matrix.operating"]),
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [node, "run.mjs"], cwd=HERE, check=False, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_matrix_js_sdk_gets_on_with_the_server(
    node: str,
    open_installation: Installation,
    strict_installation: Installation,
    narrow_installation: Installation,
    subtests: pytest.Subtests,
) -> None:
    outcomes = checks(node, open=open_installation, strict=strict_installation, narrow=narrow_installation)
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
    assert len(outcomes) >= LEAST_CHECKS
