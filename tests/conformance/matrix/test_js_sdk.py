"""The Matrix door against matrix-js-sdk, which Element web and desktop are made with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.matrix.conftest import TOKEN
from tests.conformance.npm import node_in
from tests.live import Installation
from tests.live.database import ROOT

HERE = Path(__file__).parent
LEAST_CHECKS = 30


@pytest.fixture(scope="session")
def node() -> str:
    """The path of node."""
    return node_in(HERE, "matrix-js-sdk", runs="matrix-js-sdk")


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
