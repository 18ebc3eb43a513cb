"""What the code imports is pinned: a package that somebody installed by hand is not there for the next person."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from idp.declared import BASE_DIR

_OWN = {"accounts", "bench", "challenges", "devicelogin", "idp", "tests"}
_SHIPPED = ("accounts", "challenges", "devicelogin", "idp")
_FOR_DEVELOPERS = ("bench", "tests")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pinned(*files: str) -> set[str]:
    lines = (line for file in files for line in (BASE_DIR / file).read_text().splitlines())
    return {
        _canonical(line.partition("==")[0].partition("[")[0]) for line in lines if re.match(r"[\w.\-\[\],]+==", line)
    }


def _imported(folders: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in (path for folder in folders for path in sorted((BASE_DIR / folder).rglob("*.py"))):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            for name in names:
                found.setdefault(name.partition(".")[0], path)
    return {name: path for name, path in found.items() if name not in _OWN and name not in sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("folders", "files"),
    [(_SHIPPED, ("requirements.txt",)), (_FOR_DEVELOPERS, ("requirements.txt", "requirements-dev.txt"))],
)
def test_every_import_is_pinned(folders: tuple[str, ...], files: tuple[str, ...]) -> None:
    """A module is no file of ours, not Python's, and comes from a distribution that the lists name."""
    pinned, installed = _pinned(*files), packages_distributions()
    strangers = {
        name: str(path.relative_to(BASE_DIR))
        for name, path in _imported(folders).items()
        if not pinned & {_canonical(one) for one in installed.get(name, [])}
    }
    assert strangers == {}
