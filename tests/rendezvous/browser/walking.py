"""The two windows of the demonstration, and what a person does in them."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.pages.browser import people

PATIENCE = 60_000  # milliseconds


@dataclass(frozen=True, slots=True)
class Window:
    """One of the two devices."""

    page: Any
    site: str
    role: str

    def open(self) -> "Window":
        """Its page, once it has asked what the server offers."""
        self.page.goto(f"{self.site}/demo/qr/{self.role}/")
        self.page.wait_for_selector("main .panel:not([hidden])")
        return self

    def press(self, what: str) -> None:
        self.page.click(what)

    def panel(self, name: str) -> str:
        """Waits for a panel; what it says."""
        self.page.wait_for_selector(f"#panel-{name}:not([hidden])")
        return str(self.page.inner_text(f"#panel-{name}"))

    def show(self) -> str:
        """Shows a code; the text below it."""
        self.press("#choose-show")
        self.panel("show")
        return str(self.page.input_value("#code-text"))

    def paste(self, text: str) -> None:
        """What takes the place of scanning."""
        self.panel("meet")
        self.press("#choose-scan")
        self.page.fill("#pasted", text)
        self.press("#panel-scan button[type=submit]")

    def digits(self) -> str:
        """The check code that it shows."""
        self.panel("compare")
        return str(self.page.inner_text("#check-code"))

    def type_digits(self, digits: str) -> None:
        self.panel("type")
        self.page.fill("#typed", digits)
        self.press("#panel-type button")

    def requests(self) -> list[str]:
        """METHOD /path of each request that is shown, polls once, and what came: `GET /x 200`."""
        items = self.page.locator("#requests li")
        names = items.locator("p:nth-child(2)").all_inner_texts()
        answers = items.locator(".answer strong").all_inner_texts()
        return [f"{name} {answer}" for name, answer in zip(names, answers, strict=True)]

    def messages(self) -> list[str]:
        """The messages of the channel: `→ m.login.success`."""
        return list(self.page.locator("#messages .meaning").all_inner_texts())

    def facts(self) -> dict[str, str]:
        self.panel("done")
        terms, told = self.page.locator("#facts dt"), self.page.locator("#facts dd")
        return dict(zip(terms.all_inner_texts(), told.all_inner_texts(), strict=True))

    def devices(self) -> list[str]:
        return [str(item.get_attribute("data-device")) for item in self.page.locator("#devices li").all()]


@contextlib.contextmanager
def window(browser: Any, site: str, role: str, **more: Any) -> Iterator[Window]:
    """A device of its own: nothing is shared with another. What its pages complain of fails the test."""
    with context(browser, site, **more) as made:
        yield Window(made.new_page(), site, role)


@contextlib.contextmanager
def context(browser: Any, site: str, **more: Any) -> Iterator[Any]:
    """A browser context in which blocked scripts and faults of the page fail the test."""
    made = browser.new_context(**more)
    made.set_default_timeout(PATIENCE)
    made.grant_permissions(["clipboard-read", "clipboard-write", *more.get("permissions", ())], origin=site)
    complaints: list[str] = []
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    made.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield made
    made.close()
    # Chromium itself reports every answer of 4xx; those are the protocol's own.
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []


def sign_in(device: Window, name: str = "ann") -> None:
    """The signed-in device signs in by the code grant; whoever has the browser's cookie already only consents."""
    device.panel("sign-in")
    device.press("#sign-in")
    device.page.wait_for_selector("#id_password, button:has-text('Allow')")
    if device.page.locator("#id_password").count():
        device.page.fill("#id_name", name)
        device.page.fill("#id_password", people.PASSWORD)
        people.press(device.page, "form:has(#id_password) button[type=submit]")
    device.page.wait_for_selector("button:has-text('Allow'):not([disabled])")
    device.press("button:has-text('Allow')")
    device.panel("meet")


def meet(shows: Window, scans: Window) -> None:
    """One shows a code, the other gets it as text, and the person compares."""
    scans.paste(shows.show())
    shows.type_digits(scans.digits())


def decide(existing: Window, decision: str) -> str:
    """Opens the approval page and says `Allow` or `Deny`; the code that the page shows."""
    existing.panel("approve")
    with existing.page.expect_popup() as opened:
        existing.press("#approval")
    page = opened.value
    page.wait_for_selector("#confirmed")
    shown = str(page.inner_text(".user-code code"))
    if decision == "Allow":
        page.check("#confirmed")
    people.press(page, f"button:has-text('{decision}')")
    page.wait_for_selector("text=You can close this page")
    page.close()
    return shown


def eventually(holds: Callable[[], bool]) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def other(digits: str) -> str:
    """Two digits that are not these."""
    return f"{(int(digits) + 1) % 100:02d}"


def without_ids(requests: list[str]) -> list[str]:
    """The paths of the box without its name."""
    return [re.sub(r"(/rendezvous/)[\w-]+", r"\1…", request) for request in requests]
