"""An installation in front of the stand-in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from accounts.homeserver import delivery
from tests.homeserver.synapse import SECRET, StandIn, serving


@pytest.fixture(scope="module")
def _server() -> Iterator[StandIn]:
    with serving() as stand_in:
        yield stand_in


@pytest.fixture
def synapse(_server, settings, db) -> Iterator[StandIn]:
    """The stand-in, empty; this server is told of it."""
    port = _server.port
    _server.__init__()  # type: ignore[misc]  # one server for the module, with nothing left of the test before
    _server.port = port
    settings.MATRIX_HOMESERVER_URL, settings.MATRIX_HOMESERVER_SECRET = _server.url, SECRET
    settings.MATRIX_HOMESERVER_PUBLIC_URL = "https://matrix.example.org"
    delivery.resume()
    yield _server
    delivery.resume()


@pytest.fixture
def deliver() -> Callable[[], int]:
    """What the worker does in its rounds, until nothing is due."""

    def run() -> int:
        done = 0
        while delivery.is_due() and (count := delivery.run()):
            done += count
        return done

    return run


@pytest.fixture
def time_machine_after() -> Iterator[Callable[[float], None]]:
    """Moves the clock on by seconds; it stands meanwhile."""
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:
        yield traveller.shift
