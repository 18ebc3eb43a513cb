"""Charts as pictures made here, for the first page: no script, no foreign host, nothing told by colour alone.

What succeeded stands up from the line, what was refused hangs down and is hatched. Each chart has a sentence for who
does not see it, each bar its numbers for the pointer, and each page the numbers in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_STEP, _GAP = 10.0, 1.5  # of a bar, in units of the picture
_HEIGHT = 60.0
_LEAST = 1.5  # of a bar that stands for one event beside thousands
_numbers = count(1)
_CHART = (
    '<svg class="mirrored-chart" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
    'aria-label="{sentence}">'
    '<defs><pattern id="{pattern}" width="3" height="3" patternUnits="userSpaceOnUse">'
    '<path class="chart-down" d="M0 3 L3 0"/></pattern></defs>'
    '<path class="chart-up" d="{ups}"/><path class="chart-edge" fill="url(#{pattern})" d="{downs}"/>'
    '<line class="chart-line" x1="0" x2="{width}" y1="{line}" y2="{line}"/>{areas}</svg>'
)
_AREA = f'<rect class="chart-area" x="{{}}" width="{_STEP:g}" height="{_HEIGHT:g}"><title>{{}}</title></rect>'


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time: its name, and how often something succeeded and was refused in it."""

    name: str
    up: int
    down: int


def mirrored(bars: Sequence[Bar], sentence: str) -> SafeString:
    """Bars up and down from one line. `sentence` says what the chart shows."""
    most_up, most_down = max((bar.up for bar in bars), default=0), max((bar.down for bar in bars), default=0)
    unit = _HEIGHT / max(1, most_up + most_down)
    line = unit * most_up
    ups = "".join(_path(place, line - _tall(bar.up, unit), _tall(bar.up, unit)) for place, bar in enumerate(bars))
    downs = "".join(_path(place, line, _tall(bar.down, unit)) for place, bar in enumerate(bars))
    areas = format_html_join("", _AREA, ((f"{place * _STEP:g}", _words(bar)) for place, bar in enumerate(bars)))
    pattern = f"hatched-{next(_numbers) % 10_000}"
    return format_html(
        _CHART, width=f"{_STEP * len(bars):g}", height=f"{_HEIGHT + 1:g}", line=f"{line:.1f}", sentence=sentence,
        pattern=pattern, ups=ups, downs=downs, areas=areas,
    )  # fmt: skip


def share(number: int, most: int) -> SafeString:
    """A bar for a cell of a table, as long as its number is large; the number stands beside it."""
    width = 100.0 * number / most if most else 0.0
    return format_html(
        '<span class="share"><span>{}</span><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="chart-up" width="{}" height="8"/></svg></span>',
        f"{number:,}",
        f"{max(width, 1.0) if number else 0.0:.1f}",
    )


def _tall(number: int, unit: float) -> float:
    return max(number * unit, _LEAST) if number else 0.0


def _path(place: int, top: float, height: float) -> str:
    """One bar of a path; nothing for a bar that is not there."""
    width = _STEP - 2 * _GAP
    return f"M{place * _STEP + _GAP:g} {top:.1f}h{width:g}v{height:.1f}h{-width:g}z" if height else ""


def _words(bar: Bar) -> str:
    return f"{bar.name}: {bar.up:,} succeeded, {bar.down:,} refused"
