"""Pictures of the demonstration: `python -m tests.otp.browser.pictures FOLDER` makes all of them, in light and dark,
wide and narrow; without FOLDER the one in docs/pictures.
"""

import sys
import time
from pathlib import Path
from typing import Any

from tests.live import Installation, running
from tests.live.database import ROOT
from tests.matrix.browser import chromium
from tests.otp.browser.conftest import ADDRESS, PASSWORD, code_in, mails_with_codes, make_account


def main() -> None:
    with running(DEMO="on", OTP_MAIL_LIMIT="1000/900") as servers, chromium.started() as browser:
        make_account(servers, "ann", ADDRESS)
        if len(sys.argv) > 1:
            all_of_them(servers, browser, Path(sys.argv[1]))
        else:
            the_one_in_docs(servers, browser)


def the_one_in_docs(servers: Installation, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 560})
    for name in through(page, servers):
        if name == "in":
            clip = {"x": 0, "y": 100, "width": 900, "height": 420}
            page.screenshot(path=ROOT / "docs/pictures/otp-demo.png", clip=clip)
            return


def through(page: Any, servers: Installation) -> Any:
    """Yields the name of each state of the page."""
    folder = servers.folder / "mail"
    seen = mails_with_codes(folder)
    page.goto(f"{servers.server.base_url}/demo/otp/")
    yield "start"
    page.fill("#email", ADDRESS)
    page.fill("#password", PASSWORD)
    page.click("#password-step button[type=submit]")
    page.wait_for_selector("#code-step:not([hidden])")
    yield "code"
    deadline = time.monotonic() + 60
    while not (new := mails_with_codes(folder) - seen):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page.fill("#code", "000000")
    page.keyboard.press("Enter")
    page.wait_for_selector("#code-complaint:not([hidden])")
    yield "wrong-code"
    page.fill("#code", code_in(new.pop().read_bytes()))
    page.keyboard.press("Enter")
    page.wait_for_selector("#me dt")
    yield "in"
    page.reload()
    yield "remembered"
    page.goto(f"{servers.server.base_url}/api/docs/")
    page.wait_for_selector("#operations-API-me")
    yield "docs"


def all_of_them(servers: Installation, browser: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
            page = context.new_page()
            for name in through(page, servers):
                page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=name != "docs")
            context.close()


if __name__ == "__main__":
    main()
