"""Pictures of the demonstration for docs/qr-demo.md: `python -m tests.rendezvous.browser.pictures`.

Each shows two windows as they stand beside each other on a desk.
"""

from pathlib import Path
from typing import Any

from tests.conformance.synapse.proxy import proxying
from tests.live import running
from tests.live.database import ROOT
from tests.matrix.browser import chromium
from tests.pages.browser import people
from tests.rendezvous.browser import walking
from tests.rendezvous.browser.conftest import told
from tests.rendezvous.browser.walking import Window

_WINDOW = {"width": 860, "height": 860}
_DESK = """<body style="margin: 0; padding: 12px; background: #888; display: flex; gap: 12px; align-items: flex-start">
{images}</body>"""


def main() -> None:
    with proxying() as proxy, chromium.started() as browser, running(**told(proxy.url)) as installation:
        proxy.route = lambda _: installation.server.port
        people.make(installation, "ann")
        look = {"viewport": _WINDOW, "color_scheme": "light"}
        with (
            walking.window(browser, proxy.url, "new", **look) as new,
            walking.window(browser, proxy.url, "existing", **look) as existing,
        ):
            _walk(Desk(browser), new.open(), existing.open())


class Desk:
    """Where the windows stand."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def keep(self, name: str, *pages: Any) -> None:
        """The pages beside each other, as docs/pictures/qr-demo-NAME.jpg."""
        target = ROOT / f"docs/pictures/qr-demo-{name}.jpg"
        shots = [target.with_suffix(f".{number}.png") for number in range(len(pages))]
        for page, shot in zip(pages, shots, strict=True):
            page.screenshot(path=shot)
        self._draw(shots, target)
        for shot in shots:
            shot.unlink()

    def _draw(self, shots: list[Path], target: Path) -> None:
        wide = (_WINDOW["width"] + 12) * len(shots) + 12
        desk = self._browser.new_page(viewport={"width": wide, "height": 100})
        sheet = target.with_suffix(".html")
        sheet.write_text(_DESK.format(images="".join(f'<img src="{shot.as_uri()}">' for shot in shots)))
        desk.goto(sheet.as_uri(), wait_until="load")
        desk.screenshot(path=target, full_page=True, type="jpeg", quality=70)
        desk.close()
        sheet.unlink()


def _walk(desk: Desk, new: Window, existing: Window) -> None:
    walking.sign_in(existing)
    text = new.show()
    existing.press("#choose-scan")
    existing.page.fill("#pasted", text)
    desk.keep("meet", new.page, existing.page)
    existing.press("#panel-scan button[type=submit]")
    digits = existing.digits()
    new.panel("type")
    new.page.fill("#typed", digits)
    desk.keep("check", new.page, existing.page)
    new.press("#panel-type button")
    existing.panel("approve")
    with existing.page.expect_popup() as opened:
        existing.press("#approval")
    approving = opened.value
    approving.set_viewport_size(_WINDOW)
    approving.wait_for_selector("#confirmed")
    new.panel("user-code")
    desk.keep("approve", new.page, approving)
    approving.check("#confirmed")
    people.press(approving, "button:has-text('Allow')")
    new.facts()
    existing.facts()
    desk.keep("done", new.page, existing.page)


if __name__ == "__main__":
    main()
