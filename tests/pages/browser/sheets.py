"""Sheets of pictures for docs: `python -m tests.pages.browser.sheets FOLDER`.

FOLDER holds what `PAGE_PICTURES=FOLDER` keeps of the browser tests: each page in light, dark and phone width. One sheet
a page goes to docs/pictures/pages, the three side by side, and docs/pages-pictures.md shows them all. The
German pages, looked at on a telephone alone, stand together on the last sheet.
"""

import re
import sys
from pathlib import Path
from typing import Any

from tests.live.database import ROOT
from tests.matrix.browser import chromium

VIEWS = {"light": 470, "dark": 470, "phone": 220}  # pixels wide on the sheet
_HEAD = """# Every page of people's, in light, dark and phone width

Made from the browser tests by `python -m tests.pages.browser.sheets`; its first lines say how."""
_SHEET = """<body style="margin: 0; padding: 12px; background: #888; display: flex; flex-wrap: wrap; gap: 12px;
align-items: flex-start">{images}</body>"""
_WIDTH = sum(VIEWS.values()) + 48
_GERMAN = "in-german"


def main(folder: Path) -> None:
    target = ROOT / "docs/pictures/pages"
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.jpg"):
        old.unlink()
    names = sorted({path.name.removesuffix("-light.png") for path in folder.glob("*-light.png")})
    sheets = {name: [(folder / f"{name}-{view}.png", width) for view, width in VIEWS.items()] for name in names}
    sheets[_GERMAN] = [(file, VIEWS["phone"]) for file in sorted(folder.glob("german-*-phone.png"))]
    with chromium.started() as browser:
        page = browser.new_page(viewport={"width": _WIDTH, "height": 100})
        for name, files in sheets.items():
            _draw(page, [(file, width) for file, width in files if file.is_file()], target / f"{name}.jpg")
    shown = [f"## {_title(name)}\n\n![{_title(name)}](pictures/pages/{name}.jpg)" for name in sheets]
    (ROOT / "docs/pages-pictures.md").write_text("\n\n".join([_HEAD, *shown]) + "\n")


def _draw(page: Any, files: list[tuple[Path, int]], to: Path) -> None:
    """The pictures in their widths beside each other."""
    sheet = to.with_suffix(".html")
    sheet.write_text(
        _SHEET.format(images="".join(f'<img src="{file.as_uri()}" width="{width}">' for file, width in files))
    )
    page.goto(sheet.as_uri(), wait_until="load")
    page.screenshot(path=to, full_page=True, type="jpeg", quality=60)
    sheet.unlink()


def _title(name: str) -> str:
    return re.sub(r"-+", " ", name).capitalize()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
