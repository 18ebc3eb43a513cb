"""A live Latchkey under a name and a port of its own, behind a proxy: what clients are told is where they get to."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.conformance.oauth.person import make_people
from tests.conformance.synapse.proxy import Proxy, proxying
from tests.live import Installation, running

SERVER_NAME = "example.org"
SETTINGS: dict[str, Any] = {
    "MATRIX_SERVER_NAME": SERVER_NAME,
    "DEVICE_CODE_INTERVAL": "1",  # the real clients wait so long between two polls
    "DATABASE_TIMEOUT": "60",  # a test's machine is busy with other things, too
    "PASSWORD_HASHERS_AT_ONCE": "32",  # many sign in at the same moment, and nobody is to be told to come later
}


@dataclass(frozen=True, slots=True)
class Site:
    """`url` is the public one; `requests` of the proxy were seen by this many servers."""

    installation: Installation
    proxy: Proxy

    @property
    def url(self) -> str:
        return self.proxy.url

    @property
    def port(self) -> int:
        return self.proxy.port


@contextlib.contextmanager
def serving(*, count: int = 1, people: int = 60, **settings: Any) -> Iterator[Site]:
    """A site of `count` processes; each request goes to another process than the one before it."""
    with proxying() as proxy, running(count=count, **SETTINGS | {"PUBLIC_URL": proxy.url} | settings) as installation:
        turns = itertools.cycle(server.port for server in installation.servers)
        proxy.route = lambda _: next(turns)
        make_people(installation, count=people)
        yield Site(installation, proxy)


@contextlib.contextmanager
def stores(**urls: str) -> Iterator[None]:
    """Servers started meanwhile keep their rows there."""
    before = {name: os.environ.get(name) for name in urls}
    os.environ.update(urls)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
