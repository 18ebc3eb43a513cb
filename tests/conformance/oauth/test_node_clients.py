"""OAuth against npm's openid-client 6 and oauth4webapi, which check what they are told themselves."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conformance.npm import node_in
from tests.conformance.oauth.asking import People, somebody_at
from tests.live import Installation

HERE = Path(__file__).parent
LEAST_CHECKS = 45


def test_the_libraries_of_node_get_every_documented_answer(
    installation: Installation, subtests: pytest.Subtests
) -> None:
    node = node_in(HERE, "openid-client", runs="openid-client and oauth4webapi")
    with somebody_at(People(installation)) as address:
        facts = {"port": installation.server.port, "person": address}
        done = subprocess.run(
            [node, "run.mjs"],
            cwd=HERE,
            check=False,
            env={"PATH": os.environ["PATH"], "LATCHKEY_OAUTH": json.dumps(facts)},
            capture_output=True,
            text=True,
            timeout=180,
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
    assert len(outcomes) >= LEAST_CHECKS
