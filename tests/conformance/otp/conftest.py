"""One server, one node process, every kind of client."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.otp.clients import KINDS, Asker, Kind, Node
from tests.conformance.otp.person import Person, make_people
from tests.live import Installation, running


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    with running() as found:
        make_people(found)
        yield found


@pytest.fixture(scope="package")
def node() -> Iterator[Node]:
    found = Node()
    yield found
    found.stop()


# What can differ between transports is shown on each; the table has the same rows behind all of them.
ON_EVERY_TRANSPORT = {
    "test_the_three_steps_of_the_seed",
    "test_both_answer_styles",
    "test_row_6_five_wrong_codes",
    "test_row_8_a_remembered_login",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every kind of client, or every kind with its default transports."""
    if "kind" in metafunc.fixturenames:
        every = metafunc.function.__name__ in ON_EVERY_TRANSPORT
        kinds = [kind for kind in KINDS if every or "only" not in kind.name]
        metafunc.parametrize("kind", [_marked(kind) for kind in kinds], ids=lambda kind: kind.name)


def _marked(kind: Kind) -> Any:
    """The last of the 2.x clients speaks as the first one does: it is tried before a commit lands."""
    return pytest.param(kind, marks=pytest.mark.thorough) if kind.name == "2.5.0" else kind


@pytest.fixture
def person(installation: Installation, node: Node, kind: Kind) -> Person:
    """Somebody new with this kind of client."""
    return Person(installation, Asker(node, kind, installation.server.port))
