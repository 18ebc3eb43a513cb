"""One Latchkey in front of one real Synapse, for the whole package."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.synapse import environment
from tests.conformance.synapse.homeserver import SERVER_NAME, Synapse
from tests.conformance.synapse.proxy import Proxy, proxying
from tests.live import Installation, running

SECRET = secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Pair:
    """`matrix` is where clients go, `identity` where people and Synapse reach us, `inner` our way to Synapse."""

    installation: Installation
    synapse: Synapse
    matrix: Proxy
    identity: Proxy
    inner: Proxy

    def cut(self) -> None:
        """Synapse cannot be reached from here."""
        self.inner.route = lambda _: 1

    def mend(self) -> None:
        self.inner.route = lambda _: self.synapse.port


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    python = environment.python()
    folder: Path = tmp_path_factory.mktemp("synapse")
    with proxying() as matrix, proxying() as identity, proxying() as inner:
        synapse = Synapse(python, folder, endpoint=f"{identity.url}/", secret=SECRET)
        try:
            synapse.start()
            settings: dict[str, Any] = {
                "PUBLIC_URL": identity.url,
                "MATRIX_SERVER_NAME": SERVER_NAME,
                "MATRIX_HOMESERVER_URL": inner.url,
                "MATRIX_HOMESERVER_SECRET": SECRET,
                "MATRIX_HOMESERVER_PUBLIC_URL": matrix.url,
            }
            inner.route = lambda _: synapse.port
            with running(**settings) as installation:
                identity.route = lambda _: installation.server.port
                matrix.by_rules(ours=installation.server.port, theirs=synapse.port)
                yield Pair(installation, synapse, matrix, identity, inner)
        finally:
            synapse.stop()


@pytest.fixture(autouse=True)
def whole(pair: Pair) -> Iterator[None]:
    """A test that cuts the line leaves it mended."""
    yield
    pair.mend()
