"""Sheets of pictures for docs: `python -m tests.pages.browser.sheets FOLDER`.

FOLDER holds what `PAGE_PICTURES=FOLDER` keeps of the browser tests: each page in light, dark and phone width. One sheet
a page goes to docs/pictures/pages, the three side by side, and docs/pages-pictures.md shows them all. The
German pages, looked at on a telephone alone, stand together on the last sheet. Of the administration four pages go to
docs/pictures, in light and in dark. What FOLDER has nothing of stays as it is.
"""

import re
import shutil
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
_ADMINISTRATION = ("admin-overview", "admin-audit-trail", "admin-try-it", "admin-guessers")
_OF_PEOPLE = "admin-second-step"  # the one page of the administration that people's pages have too


def main(folder: Path) -> None:
    """Draws what the folder has pictures of."""
    names = sorted({path.name.removesuffix("-light.png") for path in folder.glob("*-light.png")})
    people = [name for name in names if not name.startswith("admin-") or name.startswith(_OF_PEOPLE)]
    with chromium.started() as browser:
        page = browser.new_page(viewport={"width": _WIDTH, "height": 100})
        for name in _ADMINISTRATION:
            for view in ("light", "dark"):
                file = folder / f"{name}-{view}.png"
                if file.is_file():
                    _draw(page, [(file, _WIDTH - 48)], ROOT / f"docs/pictures/{name}-{view}.jpg")
        if (top := folder / "admin.png").is_file():
            shutil.copy(top, ROOT / "docs/pictures/admin.png")
        if people:
            _people(page, folder, people)


def _people(page: Any, folder: Path, names: list[str]) -> None:
    target = ROOT / "docs/pictures/pages"
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.jpg"):
        old.unlink()
    sheets = {name: [(folder / f"{name}-{view}.png", width) for view, width in VIEWS.items()] for name in names}
    sheets[_GERMAN] = [(file, VIEWS["phone"]) for file in sorted(folder.glob("german-*-phone.png"))]
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
