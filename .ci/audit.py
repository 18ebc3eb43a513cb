"""Asks whether a pinned package has a known hole (R66): pip-audit over requirements.txt. Exit 1 when one has.

Where its database cannot be reached that is said in one line: the pins and their hashes hold all the same.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TOOL = "pip-audit==2.10.1"
LISTS = ("requirements.txt", "requirements-dev.txt")
UVX = Path(sys.executable).with_name("uvx")


def asked(name: str) -> list[dict[str, Any]] | str:
    """Every package of a list with what is known of it, or why nothing is."""
    command = [
        str(UVX),
        TOOL,
        "-r",
        name,
        "--disable-pip",
        "--require-hashes",
        "-f",
        "json",
        "--progress-spinner",
        "off",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return "pip-audit could not be fetched, or its database could not be asked"
    if all("skip_reason" in package for package in found):
        return "the database of holes answered for no package"
    return found


def main() -> None:
    holes = 0
    for name in LISTS:
        found = asked(name)
        if isinstance(found, str):
            print(f"NOT audited {name}: {found}")
            continue
        for package in found:
            for hole in package.get("vulns", ()):
                fixed = ", ".join(hole["fix_versions"]) or "no version yet"
                print(f"{name}: {package['name']} {package['version']}: {hole['id']}, mended in {fixed}")
                holes += 1
        skipped = sum("skip_reason" in package for package in found)
        print(f"audited {name}: {len(found) - skipped} packages, {skipped} unknown")
    sys.exit(bool(holes))


main()
