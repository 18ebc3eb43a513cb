"""Sign-in by QR code in front of a real Synapse: matrix-js-sdk 43 on both sides, devices and their keys at Synapse."""

from typing import Any

import pytest

from tests.conformance.oauth.person import Person
from tests.conformance.qr.apps import run
from tests.conformance.qr.asking import Owners
from tests.conformance.qr.site import Site
from tests.conformance.synapse.asking import at_a_browser, new_person
from tests.conformance.synapse.conftest import Pair
from tests.live.matrix import ask


class Residents(Owners):
    """People whose rooms are at Synapse."""

    def __init__(self, pair: Pair) -> None:
        super().__init__(Site(pair.installation, pair.identity))
        self._pair = pair

    def do_newcomer(self) -> dict[str, Any]:
        person: Person = at_a_browser(self._pair, new_person(self._pair))
        self._known[person.name] = person
        return {"name": person.name}


def test_synapse_says_that_it_can_be_had(pair: Pair) -> None:
    told = ask(pair.matrix.port, "GET", "/_matrix/client/versions").json
    assert told["unstable_features"]["org.matrix.msc4108"] is True
    current = ask(pair.matrix.port, "GET", "/_matrix/client/unstable/io.element.msc4388/rendezvous")
    assert (current.status, current.json) == (200, {"create_available": True})


@pytest.mark.thorough
def test_a_device_signs_in_and_is_signed_at_synapse(pair: Pair, subtests: pytest.Subtests) -> None:
    outcomes = run(Residents(pair), pair.matrix.url, pair.identity.url, "whole")
    for outcome in outcomes:
        with subtests.test(outcome["check"]):
            assert outcome["ok"], outcome["detail"]
    assert len(outcomes) == 4
