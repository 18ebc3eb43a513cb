"""Whitelists and blacklists as CSV files, for commands and the administration (operations.md §3).

    effect,field,pattern,flow,expires_at,note,enabled
    deny,domain,example.org,otp,2027-01-01T00:00:00Z,disposable addresses,true

Only the first three columns are needed, and the header may be missing. What `write` wrote, `read` reads back
unchanged; a spreadsheet that opens the file must not take a cell for a formula, so such cells begin with '.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from accounts import patterns, rules
from accounts.errors import Refusal
from accounts.management.words import in_words
from accounts.models import AccessRule, User

COLUMNS = ("effect", "field", "pattern", "flow", "expires_at", "note", "enabled")
NOTE_LENGTH = 500
_NEEDED = COLUMNS[:3]
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SWITCH: Mapping[str, bool] = {
    **dict.fromkeys(("", "true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One rule of a file, canonical; `number` is the line it began on."""

    number: int
    effect: str
    field: str
    pattern: str
    flow: str = rules.ALL
    expires_at: datetime | None = None
    note: str = ""
    enabled: bool = True


class BadFile(Exception):
    """What is wrong with a file: (line number, words) each. Nothing of such a file is used."""

    def __init__(self, errors: Sequence[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {number}: {words}" for number, words in errors))
        self.errors = list(errors)


def read(text: str) -> list[Line]:
    """The rules of a CSV file; BadFile with everything that is wrong with it."""
    lines: list[Line] = []
    errors: list[tuple[int, str]] = []
    columns: Sequence[str] | None = None
    for number, row in _rows(text):
        if columns is None:
            columns = _header(number, row)
            if columns is not COLUMNS:
                continue
        try:
            lines.append(_line(number, columns, row))
        except ValueError as error:
            errors.append((number, str(error)))
    if columns is None:
        raise BadFile([(1, "the file is empty")])
    if errors:
        raise BadFile(errors)
    return lines


def write(entries: Iterable[AccessRule]) -> str:
    """The rules as CSV."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rule in entries:
        expires_at = rule.expires_at.astimezone(UTC).isoformat() if rule.expires_at else ""
        enabled = "true" if rule.enabled else "false"
        cells = (rule.effect, rule.field, rule.pattern, rule.flow, expires_at, rule.note, enabled)
        writer.writerow([f"'{cell}" if _FORMULA.match(cell) else cell for cell in cells])
    return file.getvalue()


def apply(lines: Iterable[Line], *, author: User | None, report: Callable[[int], None] | None = None) -> int:
    """Adds or changes these rules, all or none; answers how many. `report` hears the running count."""
    entries = (
        AccessRule(
            effect=line.effect,
            field=line.field,
            pattern=line.pattern,
            flow=line.flow,
            expires_at=line.expires_at,
            note=line.note,
            enabled=line.enabled,
        )
        for line in lines
    )
    return rules.add_all(entries, author=author, report=report)


def moment(text: str) -> datetime:
    """A point in time as ISO 8601 writes it, UTC where it names no zone; ValueError in words."""
    try:
        parsed = datetime.fromisoformat(text.strip())
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time such as 2027-01-01T00:00:00Z") from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with the line each begins on."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    first = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield first, row
            first = reader.line_num + 1
    except csv.Error as error:
        raise BadFile([(first, f"not readable as CSV: {error}")]) from None


def _header(number: int, row: list[str]) -> Sequence[str]:
    """The columns the first row names, or COLUMNS itself when that row is a rule already."""
    names = [cell.strip().lower() for cell in row]
    if names[0] in AccessRule.Effect.values:
        return COLUMNS
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or not set(_NEEDED) <= set(names) or len(names) != len(set(names)):
        raise BadFile([(number, f"the first line must be {','.join(COLUMNS)}, or its first three names")])
    return names


def _line(number: int, columns: Sequence[str], row: list[str]) -> Line:
    """One row; ValueError in words for its first fault."""
    if len(row) > len(columns):
        raise ValueError(f"{len(row)} cells, but {len(columns)} columns")
    cells = {
        name: cell[1:] if _FORMULA.match(cell) and cell[0] == "'" else cell
        for name, cell in zip(columns, row, strict=False)
    }
    return Line(
        number=number,
        effect=_word("effect", cells.get("effect", ""), AccessRule.Effect.values),
        field=(field := _word("field", cells.get("field", ""), AccessRule.Field.values)),
        pattern=_pattern(field, cells.get("pattern", "")),
        flow=_word("flow", cells.get("flow", "") or rules.ALL, AccessRule.Scope.values),
        expires_at=moment(cells["expires_at"]) if cells.get("expires_at", "").strip() else None,
        note=_note(cells.get("note", "")),
        enabled=_enabled(cells.get("enabled", "")),
    )


def _word(column: str, text: str, allowed: Iterable[str]) -> str:
    word = text.strip().lower()
    if word not in allowed:
        raise ValueError(f"{column} {text!r} is none of {', '.join(allowed)}")
    return word


def _pattern(field: str, text: str) -> str:
    try:
        return patterns.canonical(field, text).text
    except Refusal as refusal:
        raise ValueError(f"{text[:80]!r}: {in_words(refusal)}") from None


def _note(text: str) -> str:
    if len(text) > NOTE_LENGTH or "\0" in text:
        raise ValueError(f"a note has at most {NOTE_LENGTH} characters and no NUL")
    return text


def _enabled(text: str) -> bool:
    try:
        return _SWITCH[text.strip().lower()]
    except KeyError:
        raise ValueError(f"enabled {text!r} is neither true nor false") from None
