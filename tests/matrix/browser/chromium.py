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


def _binary() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
