"""The units are what systemd understands, and hold what they promise."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from idp.declared import BASE_DIR

UNITS = sorted((BASE_DIR / "deploy/systemd").glob("*.service"))


@pytest.fixture
def command() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_a_unit(command: str, unit: Path, tmp_path: Path) -> None:
    """With a Python that is there, and without services of other packages."""
    text = unit.read_text().replace("/opt/latchkey/.venv/bin/python", "/bin/true")
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"^(After|Wants)=.*\n", "", text, flags=re.MULTILINE))
    done = subprocess.run(
        [command, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    told = [line for line in done.stderr.splitlines() if unit.stem.rstrip("@") in line]
    assert told == []


def test_the_template_differs_from_the_unit_in_its_port_and_its_migrations() -> None:
    one, many = (set(unit.read_text().splitlines()) for unit in UNITS)
    names = {re.split(r"[=#]", line)[0] for line in one ^ many}
    assert names <= {"Description", "Environment", "ExecStartPre", ""}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
@pytest.mark.parametrize(
    "line",
    ["NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "PrivateTmp=yes", "UMask=0077"],
)
def test_a_unit_is_hardened(unit: Path, line: str) -> None:
    assert line in unit.read_text().splitlines()
