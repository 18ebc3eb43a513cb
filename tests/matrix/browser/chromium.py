"""A headless Chromium of the system, driven by playwright: no browser is downloaded."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)


def missing() -> str:
    """What is missing for a browser test and how to get it; "" when nothing is."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "the Python package playwright is missing: make test installs it (requirements-dev.txt)"
    return "" if _binary() else "no chromium was found: apt-get install chromium"


@contextlib.contextmanager
def started() -> Iterator[Any]:
    """A playwright `Browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_binary(), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def beside(browser: Any, *switches: str) -> Iterator[Any]:
    """Another one beside it, with these switches of Chromium's besides the usual ones."""
    other = browser.browser_type.launch(executable_path=_binary(), args=[*_ARGUMENTS, *switches])
    try:
        yield other
    finally:
        other.close()


def _binary() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)


@contextlib.contextmanager
def tab(browser: Any) -> Iterator[Any]:
    """A tab with storage of its own. What its page complains of, blocked script included, fails the test."""
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    # Chromium itself reports every answer of 4xx; those are the tests' own.
    unexpected = [text for text in complaints if not text.startswith("Failed to load resource")]
    assert not unexpected, unexpected
