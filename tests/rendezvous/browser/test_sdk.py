"""The page of the demonstration with Element's own SDK at the other end: each role, each way to meet."""

import json
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conformance.qr.node import HERE, node
from tests.pages.browser import people
from tests.rendezvous.browser import walking
from tests.rendezvous.browser.walking import decide

SECONDS = 300  # what a hanging program is given up after


class Device:
    """A program made with matrix-js-sdk."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.told: dict[str, Any] = {}

    def tells(self, name: str) -> Any:
        """Waits until it says this."""
        assert self._process.stdout is not None
        while name not in self.told:
            line = self._process.stdout.readline()
            assert line, f"it ended: {self.told}\n{self._process.stderr.read()[-4000:] if self._process.stderr else ''}"
            self.told |= json.loads(line)
            assert "failed" not in self.told, self.told
        return self.told[name]


def new_id() -> str:
    """As matrix-rust-sdk makes them: a slash and a plus are as likely as letters."""
    return f"w/jLp+{secrets.token_hex(16)}"


@contextmanager
def device(site: str, role: str, what: str, code: str = "", device_id: str = "") -> Iterator[Device]:
    told = {
        "baseUrl": site,
        "name": "ann",
        "password": people.PASSWORD,
        "code": code,
        "deviceId": device_id or new_id(),
    }
    with subprocess.Popen(
        [node(), "beside_page.mjs", role, what],
        cwd=HERE,
        env={"PATH": os.environ["PATH"], "LATCHKEY_PAGE": json.dumps(told)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        patience = threading.Timer(SECONDS, process.kill)
        patience.start()
        try:
            yield Device(process)
        finally:
            patience.cancel()
            process.kill()


def test_a_new_device_of_the_sdk_shows_the_code(site, existing):
    with device(site, "new", "shows") as new:
        existing.paste(new.tells("code"))
        assert existing.digits() == new.tells("checkCode")
        assert decide(existing, "Allow") == new.tells("userCode")
        assert sorted(new.tells("keys")) == ["master_key", "self_signing_key", "user_signing_key"]
        assert existing.facts()["Let in"] == new.tells("deviceId")


def test_a_new_device_of_the_sdk_scans_the_code(site, existing):
    with device(site, "new", "scans", existing.show()) as new:
        existing.type_digits(new.tells("checkCode"))
        decide(existing, "Allow")
        assert new.tells("deviceId") in existing.facts()["Let in"]
        assert new.tells("deviceId") in existing.devices()


def test_a_device_id_that_the_account_has_already(site, existing):
    with device(site, "new", "scans", existing.show(), existing_id(existing)) as new:
        existing.type_digits(new.tells("checkCode"))
        assert "There is such a device already" in existing.panel("over")
        with pytest.raises(AssertionError, match="device_already_exists"):
            new.tells("deviceId")


def existing_id(existing):
    session = "JSON.parse(sessionStorage.getItem('latchkey-qr-demo-session-existing'))"
    return existing.page.evaluate(f"{session}.deviceId")


@pytest.fixture
def approving(browser, site, cookies):
    """The browser of the person, for what the SDK's device wants to have opened."""
    with walking.context(browser, site, storage_state=cookies) as context:
        yield context.new_page()


def allow(page, url):
    page.goto(url)
    page.check("#confirmed")
    people.press(page, "button:has-text('Allow')")
    page.wait_for_selector("text=You can close this page")


def test_a_signed_in_device_of_the_sdk_shows_the_code(site, new, approving):
    with device(site, "existing", "shows") as existing:
        new.paste(existing.tells("code"))
        assert new.digits() == existing.tells("checkCode")
        allow(approving, existing.tells("verificationUri"))
        assert new.facts()["Keys that came"] == "master_key, self_signing_key, user_signing_key"
        existing.tells("done")


def test_a_signed_in_device_of_the_sdk_scans_the_code(site, new, approving):
    with device(site, "existing", "scans", new.show()) as existing:
        new.type_digits(existing.tells("checkCode"))
        allow(approving, existing.tells("verificationUri"))
        assert new.facts()["Keys that came"] == "master_key, self_signing_key, user_signing_key"
        existing.tells("done")
