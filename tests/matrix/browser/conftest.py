"""A browser for the tests of this folder; without one they are skipped with the cure."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import Installation, running
from tests.matrix.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if missing := chromium.missing():
        pytest.skip(missing)
    with chromium.started() as started:
        yield started


@pytest.fixture(scope="module")
def installation(browser: Any) -> Iterator[Installation]:
    with running() as servers:
        yield servers


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with chromium.tab(browser) as page:
        yield page
