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
    """A tab with storage of its own. What the page complains of, blocked script included, fails the test."""
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    # Chromium itself reports every answer of 4xx; those are the tests' own.
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []
