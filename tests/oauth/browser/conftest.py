"""A browser and a server for the walks through consent and device login; without chromium or axe-core: skipped."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.live import Installation, running
from tests.matrix.browser import chromium
from tests.oauth.browser import programs
from tests.pages.browser import people
from tests.pages.browser.looking import HERE


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if missing := chromium.missing():
        pytest.skip(missing)
    node_in(HERE, "axe-core", runs="axe-core on the pages")
    with chromium.started() as started:
        yield started


@pytest.fixture(scope="module")
def installation(browser: Any) -> Iterator[Installation]:
    # A browser that names another address is believed, so that it is in another network than its device.
    with running(TRUSTED_PROXIES="127.0.0.0/8", MATRIX_SSO_HOSTS="app.example.com") as servers:
        people.make(servers, "ann", "bob")
        yield servers


@pytest.fixture(scope="module")
def base(installation: Installation) -> str:
    return people.base_of(installation)


@pytest.fixture(scope="module")
def program(installation: Installation) -> str:
    return programs.register(installation.server.base_url)


@pytest.fixture(scope="module")
def callback() -> Iterator[str]:
    with programs.listening() as address:
        yield address


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with chromium.tab(browser) as page:
        yield page


@pytest.fixture
def plain_page(browser: Any) -> Iterator[Any]:
    """Without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    yield page
    context.close()
