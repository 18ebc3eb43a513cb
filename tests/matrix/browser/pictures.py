"""Pictures of the pages: `python -m tests.matrix.browser.pictures FOLDER` makes all of them, in light and dark, wide
and narrow; without FOLDER the one in docs/pictures.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.live import Installation, running
from tests.live.database import ROOT
from tests.matrix.browser import chromium, people

TERMS = {"privacy_policy": {"version": "1.0", "en": {"name": "Privacy policy", "url": "https://example.org/privacy"}}}
LOGIN, REGISTER = "/_matrix/static/client/login/", "/_matrix/static/client/register/"


def main() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as terms:
        json.dump(TERMS, terms)
    server = running(TERMS_FILE=terms.name, REGISTRATION_EMAIL="optional", MATRIX_SERVER_NAME="example.org")
    with server as servers, chromium.started() as browser:
        if len(sys.argv) > 1:
            all_of_them(servers, browser, Path(sys.argv[1]))
        else:
            the_one_in_docs(servers, browser)
    Path(terms.name).unlink()


def the_one_in_docs(servers: Installation, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 620})
    page.goto(servers.server.base_url + LOGIN)
    page.fill("#name", "ann")
    page.screenshot(path=ROOT / "docs/pictures/matrix-login.png", clip={"x": 340, "y": 40, "width": 600, "height": 460})


def all_of_them(servers: Installation, browser: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    session = people.session(servers.server.base_url)
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            context = browser.new_context(viewport={"width": width, "height": 720}, color_scheme=scheme)
            page = context.new_page()

            def keep(name: str, *, page=page, scheme=scheme, width=width) -> None:
                page.screenshot(path=folder / f"{name}-{scheme}-{width}.png")

            base = servers.server.base_url
            page.goto(base + LOGIN)
            keep("login")
            page.fill("#name", "ann")
            page.fill("#password", "wrong")
            page.press("#password", "Enter")
            page.wait_for_selector("#password-complaint:not([hidden])")
            keep("login-wrong")
            page.goto(base + REGISTER)
            keep("register")
            page.fill("#name", f"{scheme}{width}")
            page.fill("#password", people.PASSWORD)
            page.press("#password", "Enter")
            page.wait_for_selector("#terms-step:not([hidden])")
            keep("register-terms")
            page.check("#documents input")
            page.click("#terms-step button")
            page.wait_for_selector("#email-step:not([hidden])")
            keep("register-email")
            page.fill("#email", f"{scheme}{width}@example.org")
            page.click("#email-step button[type=submit]")
            page.wait_for_selector("#sent-step:not([hidden])")
            keep("register-sent")
            page.goto(f"{base}/_matrix/client/v3/auth/m.login.terms/fallback/web?session={session}")
            keep("stage-terms")
            page.goto(f"{base}/_matrix/client/v3/auth/m.login.email.identity/fallback/web?session={session}")
            keep("stage-email")
            page.goto(f"{base}/_matrix/client/v3/auth/m.login.terms/fallback/web?session=unknown")
            keep("error")
            context.close()


if __name__ == "__main__":
    main()
