"""The server that the tests of this folder share, as it stands behind a reverse proxy."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.oauth.person import Operator, Person, make_people
from tests.conformance.oauth.provider import Provider, basic
from tests.conformance.oauth.wire import PUBLIC_URL
from tests.homeserver.synapse import SECRET, serving
from tests.live import Installation, running

SETTINGS: dict[str, Any] = {
    "PUBLIC_URL": PUBLIC_URL,
    "TRUSTED_PROXIES": "127.0.0.0/8",
    "DEVICE_CODE_INTERVAL": "1",  # the real clients wait so long between two polls
}


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    with running(**SETTINGS) as found:
        make_people(found)
        yield found


@pytest.fixture(scope="package")
def delegated_installation() -> Iterator[Installation]:
    """One with a homeserver behind it, which introspects with the secret they share."""
    with serving() as homeserver:
        there: dict[str, Any] = {"MATRIX_HOMESERVER_URL": homeserver.url, "MATRIX_HOMESERVER_SECRET": SECRET}
        with running(**SETTINGS | there) as found:
            make_people(found, count=20)
            yield found


@pytest.fixture(scope="package")
def caller(installation: Installation) -> dict[str, str]:
    """The header of a program that may introspect."""
    client = Provider(installation.server.port).client(token_endpoint_auth_method="client_secret_basic")
    return basic(client.client_id, client.secret)


@pytest.fixture
def provider(installation: Installation) -> Provider:
    return Provider(installation.server.port)


@pytest.fixture
def person(installation: Installation) -> Person:
    """Somebody new."""
    return Person(installation)


@pytest.fixture
def operator(installation: Installation) -> Operator:
    return Operator(installation)
