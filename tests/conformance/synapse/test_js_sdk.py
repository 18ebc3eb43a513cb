"""matrix-js-sdk against the pair: legacy login and OAuth through us, rooms at Synapse."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.conformance.synapse.asking import PASSWORD, at_a_browser, is_signed_in, new_person, until
from tests.conformance.synapse.conftest import Pair

HERE = Path(__file__).parent
_PACKAGES = HERE.parent / "matrix"  # one copy of the SDK for both
_CHECKS = 3


@pytest.fixture(scope="session")
def node() -> str:
    return node_in(_PACKAGES, "matrix-js-sdk", runs="matrix-js-sdk")


def test_an_app_signs_in_both_ways_talks_and_leaves(pair: Pair, node: str, subtests: pytest.Subtests) -> None:
    name = new_person(pair)
    described = {"baseUrl": pair.matrix.url, "name": name, "password": PASSWORD}
    environment = {
        "PATH": os.environ["PATH"],
        "MATRIX_JS_SDK": (_PACKAGES / "node_modules" / "matrix-js-sdk").as_uri(),
        "LATCHKEY_PAIR": json.dumps(described),
    }
    app = subprocess.Popen(
        [node, "app.mjs"], cwd=HERE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    person = at_a_browser(pair, name)
    outcomes, ended = [], []
    with app:
        assert app.stdout is not None
        assert app.stdin is not None
        for text in app.stdout:
            line: dict[str, Any] = json.loads(text)
            if "authorize" in line:
                app.stdin.write(json.dumps({"callback": person.authorize(line["authorize"]).uri}) + "\n")
                app.stdin.flush()
            elif "token" in line:
                ended.append(line["token"])
            else:
                outcomes.append(line)
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
    assert len(outcomes) == _CHECKS
    for token in ended:
        until(lambda token=token: not is_signed_in(pair, token), "the token is dead at Synapse")  # type: ignore[misc]
    assert len(ended) == 2
