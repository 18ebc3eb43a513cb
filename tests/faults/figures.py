"""The lines of the table in docs/reliability.md: one JSON object each, where `FAULT_FIGURES` names a file."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "FAULT_FIGURES"


@dataclass(frozen=True, slots=True)
class Line:
    """`lost`: of so many acknowledged writes; `recovered`: seconds until the server works as before."""

    fault: str
    server: str
    acknowledged: int | None = None
    lost: int | None = None
    recovered: float | None = None
    meanwhile: str = ""


def tell(fault: str, server: str, **found: object) -> None:
    """Adds a line."""
    line = Line(fault, server, **found)  # type: ignore[arg-type]
    if path := os.environ.get(NAME):
        with Path(path).open("a") as file:
            file.write(json.dumps(asdict(line)) + "\n")
    print(line)


def table(path: Path) -> str:
    """All lines, as the page shows them."""
    rows = [
        "| fault | server | writes acknowledged | lost | works again after | meanwhile |",
        "|---|---|---|---|---|---|",
    ]
    for text in path.read_text().splitlines():
        line = Line(**json.loads(text))
        facts = (_shown(line.acknowledged), _shown(line.lost), _seconds(line.recovered), line.meanwhile)
        rows.append("| " + " | ".join((line.fault, line.server, *facts)) + " |")
    return "\n".join(rows)


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)


def _seconds(number: float | None) -> str:
    return "" if number is None else f"{number:.2f} s"
