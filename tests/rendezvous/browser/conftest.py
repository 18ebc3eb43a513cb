"""A browser and a server with the demonstration, behind a name of its own; without chromium or axe-core: skipped."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.conformance.synapse.proxy import proxying
from tests.live import Installation, running
from tests.matrix.browser import chromium
from tests.pages.browser import people
from tests.pages.browser.looking import HERE
from tests.rendezvous.browser import walking
from tests.rendezvous.browser.walking import Window


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if missing := chromium.missing():
        pytest.skip(missing)
    node_in(HERE, "axe-core", runs="axe-core on the pages")
    with chromium.started() as started:
        yield started


@pytest.fixture(scope="module")
def installation(browser: Any) -> Iterator[Installation]:
    with proxying() as proxy, running(**told(proxy.url)) as servers:
        proxy.route = lambda _: servers.server.port
        people.make(servers, "ann")
        yield servers


@pytest.fixture(scope="module")
def site(installation: Installation) -> str:
    """The public address: programs are told this one, so the server has to be there."""
    return installation.environment["PUBLIC_URL"]


def told(url: str) -> dict[str, Any]:
    """The settings of a server with the demonstration. On a slow machine a sign-in stays recent for all tests."""
    names = {"PUBLIC_URL": url, "MATRIX_SERVER_NAME": "example.org"}
    return names | {"DEMO": "on", "DEVICE_CODE_INTERVAL": "1", "RECENT_SIGN_IN": "7200"}


@pytest.fixture(scope="module")
def cookies(browser: Any, site: str) -> Any:
    """Of a browser in which ann is signed in, so that not every test has to type her password."""
    with walking.context(browser, site) as context:
        people.sign_in(context.new_page(), site, "ann")
        return context.storage_state()


@pytest.fixture
def new(browser: Any, site: str) -> Iterator[Window]:
    """The new device: a browser without anything."""
    with walking.window(browser, site, "new") as window:
        yield window.open()


@pytest.fixture
def existing(browser: Any, site: str, cookies: Any) -> Iterator[Window]:
    """The signed-in device."""
    with walking.window(browser, site, "existing", storage_state=cookies) as window:
        walking.sign_in(window.open())
        yield window


@pytest.fixture
def page(browser: Any, site: str) -> Iterator[Any]:
    """The first page, for scripts that are tried by themselves."""
    with walking.context(browser, site) as context:
        page = context.new_page()
        page.goto(f"{site}/demo/qr/")
        yield page
