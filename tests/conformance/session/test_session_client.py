"""The Session door against the cryptography of real Session clients: npm's `libsignal`, driven as desktop drives it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.live import Installation, nginx, running
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
    """The path of node."""
    return node_in(HERE, "libsignal", runs="the real Session client")


def checks(node: str, installation: Installation) -> list[dict[str, Any]]:
    """Every check of run.mjs with its outcome."""
    environment = installation.environment | {
        "LATCHKEY_MANAGE": json.dumps([sys.executable, str(ROOT / "manage.py")]),
        "PATH": os.environ["PATH"],
        "SECONDS_TO_SETTLE": "1" if nginx.in_front() else "0",
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
