"""The table on standard output and the figures as JSON."""

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.goals import GOALS

_LINE = "{:<8} {:<46} {:>11} {:>15} {:>7} {:>8} {}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `ratio` is to the bare answer of the same server, `spread` least and most of the rounds."""

    server: str
    what: str
    value: float
    unit: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None

    @property
    def goal(self) -> float | None:
        return GOALS.get((self.server, self.what))

    @property
    def is_met(self) -> bool | None:
        """None where there is no goal."""
        return None if self.goal is None else self.value <= self.goal


def heading() -> str:
    return _LINE.format("server", "what", "median", "least – most", "× bare", "goal", "met").rstrip()


def line(figure: Figure) -> str:
    """One row of the table."""
    digits = 2 if figure.unit == "×" else 0
    spread = "{:.{d}f} – {:.{d}f}".format(*figure.spread, d=digits) if figure.spread else ""
    return _LINE.format(
        figure.server,
        figure.what,
        f"{figure.value:.{digits}f} {figure.unit}",
        spread,
        f"{figure.ratio:.1f}" if figure.ratio else "",
        "" if figure.goal is None else f"{figure.goal:g}",
        {None: "", True: "yes", False: "NO"}[figure.is_met],
    ).rstrip()


def write_json(file: Path, figures: list[Figure], *, database: str, redis: bool) -> None:
    """All figures with what they were measured on."""
    rows = [asdict(figure) | {"goal": figure.goal, "met": figure.is_met} for figure in figures]
    facts = {"python": platform.python_version(), "database": database, "redis": redis, "figures": rows}
    file.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
