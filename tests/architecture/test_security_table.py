"""docs/security.md names every rule, and tests that exist."""

import re

import pytest

from idp.declared import BASE_DIR

_ROW = re.compile(r"^\| R(\d+) \| .+ \| (.+) \|$")
_TEST = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
_ROWS = [
    (int(row[1]), row[2])
    for line in (BASE_DIR / "docs/security.md").read_text().splitlines()
    if (row := _ROW.match(line))
]


def test_every_rule_has_its_row() -> None:
    assert [number for number, _ in _ROWS] == list(range(1, 67))


@pytest.mark.parametrize(("number", "shown_by"), _ROWS)
def test_a_rule_is_shown_by_tests_that_exist(number: int, shown_by: str) -> None:
    named = _TEST.findall(shown_by)
    assert named, number
    for file, name in named:
        path = BASE_DIR / "tests" / file
        assert path.is_file(), file
        assert not name or re.search(rf"def test_{name}\b", path.read_text()), f"{file}::{name}"
