"""Every page is looked at: by axe-core in light and dark, and whether it fits a telephone. Pictures on request.

`PAGE_PICTURES=/some/folder` keeps a picture of each page in light, dark and phone width.
"""

import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
_WIDE, _PHONE = {"width": 1100, "height": 800}, {"width": 360, "height": 720}
# What a violation says, short enough to read in a failure.
# In the second colour scheme only the colours are new.
_RUN = """async ([scheme, ignored]) => {
  const colours = { runOnly: ["color-contrast", "link-in-text-block"] };
  const rules = Object.fromEntries(ignored.map((rule) => [rule, { enabled: false }]));
  const options = scheme === "dark" ? colours : { rules };
  const found = await axe.run(document, { resultTypes: ["violations"], ...options });
  return found.violations.map((one) => one.id + ": " + one.nodes.map((node) => node.target.join(" ")).join(", "));
}"""
# The administration asks for the scheme only while it loads.
_DARK = 'scheme => document.documentElement.classList.toggle("dark", scheme === "dark")'
# Colours fade into each other, and half-way there is too little contrast.
_SETTLED = """() => {
  document.body.getBoundingClientRect();
  for (const one of document.getAnimations()) { try { one.finish(); } catch { one.cancel(); } }
}"""


def look(page: Any, name: str, *, ignored: tuple[str, ...] = ()) -> None:
    """Fails on what axe-core finds, in either colour scheme, and on a page wider than a telephone.

    `ignored`: rules of axe-core, for pages whose frame is another's.
    """
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate(_DARK, scheme)
        page.set_viewport_size(_WIDE)
        page.evaluate(_SETTLED)
        keep(page, f"{name}-{scheme}")
        if scheme == "light":
            page.evaluate(_AXE.read_text())  # injected past the page's policy, as an extension would
        found = page.evaluate(_RUN, [scheme, list(ignored)])
        assert found == [], (name, scheme, found)
    look_on_a_telephone(page, name)


def look_on_a_telephone(page: Any, name: str) -> None:
    """Fails on a page that is wider."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(_DARK, "light")
    page.set_viewport_size(_PHONE)
    keep(page, f"{name}-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE["width"], name
    page.set_viewport_size(_WIDE)


def keep(page: Any, name: str) -> None:
    """A picture of the whole page, where pictures are kept."""
    if folder := _pictures():
        seen = dict(page.viewport_size)
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size(seen | {"height": max(height, seen["height"])})  # what sticks to an edge hides nothing
        page.screenshot(path=folder / f"{name}.png", full_page=True)
        page.set_viewport_size(seen)


def keep_the_top(page: Any, name: str) -> None:
    """A picture of what somebody sees first on a wide screen."""
    if folder := _pictures():
        page.set_viewport_size({"width": 1280, "height": 800})
        page.screenshot(path=folder / f"{name}.png")


def _pictures() -> Path | None:
    folder = os.environ.get("PAGE_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) if folder else None
