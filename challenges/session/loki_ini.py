"""Reads what concerns logging in from a `loki.ini` of the original Session server (session-open-group.md §6.1).

    [whitelist]
    05…=comment
    [globals]
    05…=true

Pure: text in, canonical keys out. Other sections are passed over.
"""

import re
from dataclasses import dataclass, field

from accounts.errors import Refusal
from accounts.keys import canonical_x25519
from accounts.rule_files import NOTE_LENGTH, BadFile

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


@dataclass(frozen=True, slots=True)
class LokiIni:
    """Whitelisted keys with their comments, and the keys of global moderators."""

    whitelist: dict[str, str] = field(default_factory=dict)
    moderators: list[str] = field(default_factory=list)


def recognise(text: str) -> bool:
    """Whether the first line that says something is a `[section]`."""
    for line in _stripped_lines(text):
        if line and line[0] not in ";#":
            return line.startswith("[")
    return False


def parse(text: str) -> LokiIni:
    """The two sections; BadFile with every line in them that cannot be used."""
    found = LokiIni()
    errors: list[tuple[int, str]] = []
    section = ""
    for number, line in enumerate(_stripped_lines(text), start=1):
        if not line or line[0] in ";#":
            continue
        if line.startswith("["):
            section = line.partition("]")[0][1:].strip().lower()
        elif section in {"whitelist", "globals"}:
            try:
                _take(found, section, line)
            except ValueError as error:
                errors.append((number, str(error)))
    if errors:
        raise BadFile(errors)
    return found


def _take(found: LokiIni, section: str, line: str) -> None:
    name, equals, rest = line.partition("=")
    value = _value(rest)
    try:
        key = canonical_x25519(_value(name))
    except Refusal:
        raise ValueError(f"{name.strip()[:80]!r} is no Session key") from None
    if section == "whitelist":
        if len(value) > NOTE_LENGTH:
            raise ValueError(f"a comment has at most {NOTE_LENGTH} characters")
        found.whitelist[key] = value
    elif not equals or value.lower() in _TRUE:
        if key not in found.moderators:
            found.moderators.append(key)
    elif value.lower() not in _FALSE:
        raise ValueError(f"{value[:80]!r} is neither true nor false")


def _value(text: str) -> str:
    """A value without the remark behind it, its quotes, and the backslashes that kept `;` and `#` in it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return re.sub(r"\\([;#\\])", r"\1", re.split(r"(?<!\\)[;#]", text)[0].strip())


def _stripped_lines(text: str) -> list[str]:
    return [line.strip() for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))]
