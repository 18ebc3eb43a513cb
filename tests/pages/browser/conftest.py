"""A browser and a server for the walks through the pages; without chromium or axe-core they are skipped."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.npm import node_in
from tests.live import Installation, running
from tests.matrix.browser import chromium
from tests.pages.browser.looking import HERE


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if missing := chromium.missing():
        pytest.skip(missing)
    node_in(HERE, "axe-core", runs="axe-core on the pages")
    with chromium.started() as started:
        yield started


@pytest.fixture(scope="module")
def installation(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    terms = tmp_path_factory.mktemp("terms") / "terms.json"
    terms.write_text('{"terms": {"version": "1", "en": {"name": "Terms of use", "url": "https://example.org/terms"}}}')
    with running(REGISTRATION_EMAIL="optional", TERMS_FILE=str(terms)) as servers:
        yield servers


@pytest.fixture(scope="module")
def strict_installation(browser: Any) -> Iterator[Installation]:
    """Where administrators must have a second factor."""
    with running(ADMIN_REQUIRE_2FA="on") as servers:
        yield servers


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with chromium.tab(browser) as page:
        yield page
