"""The Laverna door against what the Laverna application is made of: openpgp 2.5.14 and 6, socket.io-client 2.0.4, 2.5
and 4.8, simple-peer 8 over real WebRTC; on our daphne and our uvicorn."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.live import running

HERE = Path(__file__).parent
LEAST_CHECKS = {"daphne": 210, "uvicorn": 240}
PATIENCE = 240  # seconds; only a server that hangs takes that long


def node_with_clients() -> str:
    """The path of node."""
    return node_in(HERE, "simple-peer", runs="the clients of the Laverna application")


def outcomes_of(node: str, *arguments: str) -> list[dict[str, Any]]:
    """Every check of run.mjs with its outcome."""
    for _ in range(3):  # the WebRTC library for node, which is native code, now and then crashes the process
        done = subprocess.run(
            [node, "run.mjs", *arguments], cwd=HERE, check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode >= 0:
            break
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", [pytest.param("daphne", marks=pytest.mark.thorough), "uvicorn"])
def test_the_application_is_served(kind: str, subtests: pytest.Subtests) -> None:
    """openpgp 2.5.14 takes seconds to sign: what it says is tried on one of the two."""
    node = node_with_clients()
    with running(SERVER=kind) as installation:
        outcomes = outcomes_of(node, installation.server.base_url, *(["brief"] if kind == "daphne" else []))
        log = installation.server.log.read_text()
    assert len(outcomes) >= LEAST_CHECKS[kind]
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            if "skip" in outcome:
                pytest.skip(outcome["skip"])
            assert outcome["ok"], outcome["detail"]
    assert "Traceback" not in log
