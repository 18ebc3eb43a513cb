"""Reads the settings declared in `idp/declarations.py` from the environment or `.env` (operations.md §2).

An unknown value never starts a server half-configured: it raises `UnknownValue`, whose text is the one
line an operator sees: the variable, the value, what is allowed.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ

Value = TypeVar("Value")


class UnknownValue(Exception):
    """A setting holds a value that means nothing; the message is complete and safe to print."""


@dataclass(frozen=True)
class Kind:
    """How the text of a setting becomes a value. `parse` raises ValueError; `allowed` says what it takes."""

    name: str
    allowed: str
    parse: Callable[[str], Any]


@dataclass(frozen=True)
class Setting:
    """One declaration. `default` is written as an operator would write it; "" means unset."""

    name: str
    kind: Kind
    default: str
    meaning: str
    shown_default: str = ""
    secret: bool = False


@dataclass(frozen=True)
class Section:
    """A heading of docs/settings.md with the settings below it."""

    title: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Rate:
    """`count` actions in `seconds`, refilled evenly; `count` is also the burst."""

    count: int
    seconds: int


def _switch(text: str) -> bool:
    folded = text.strip().lower()
    if folded in {"1", "on", "true", "yes"}:
        return True
    if folded in {"", "0", "off", "false", "no"}:
        return False
    raise ValueError(text)


def _rate(text: str) -> Rate:
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
    if not match or not int(match[1]) or not int(match[2]):
        raise ValueError(text)
    return Rate(int(match[1]), int(match[2]))


def _positive(text: str) -> float:
    value = float(text)
    if not 0.001 <= value <= 1_000_000:
        raise ValueError(text)
    return value


def _base_url(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(text)
    _ = parts.port  # raises ValueError when it is no number
    return text.strip().rstrip("/")


def _relative_path(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*/?", text.strip()):
        raise ValueError(text)
    return text.strip().rstrip("/") + "/"


def _server_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?|", text.strip()):
        raise ValueError(text)
    return text.strip()


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _networks(text: str) -> list[Any]:
    return [ip_network(item, strict=False) for item in _items(text)]


TEXT = Kind("text", "any text", lambda text: text)
SWITCH = Kind("switch", "on or off", _switch)
RATE = Kind("rate", "COUNT/SECONDS, such as 600/60", _rate)
POSITIVE = Kind("number", "a number from 0.001 to 1000000", _positive)
BASE_URL = Kind("URL", "a URL such as https://id.example.org", _base_url)
OPTIONAL_URL = Kind("URL", "empty, or a URL such as https://id.example.org", lambda t: _base_url(t) if t else "")
RELATIVE_PATH = Kind("path", "a path such as admin/", _relative_path)
SERVER_NAME = Kind("host", "a host name, with a port if need be", _server_name)
HOSTS = Kind("list", "host names with commas between", _items)
WORDS = Kind("list", "keys with commas between", _items)
NETWORKS = Kind("list", "addresses or networks with commas between, such as 10.0.0.0/8", _networks)


def integer(least: int, most: int) -> Kind:
    """A whole number between two bounds, both allowed."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,18}", text.strip()):
            raise ValueError(text)
        value = int(text)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return Kind("number", f"a whole number from {least} to {most}", parse)


def choice(*names: str) -> Kind:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return Kind("choice", " or ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + " or " + names[-1], parse)


def read(sections: Iterable[Section], environment: Mapping[str, str]) -> dict[str, Any]:
    """Every declared setting by name; raises `UnknownValue` for the first that cannot be read."""
    return {
        setting.name: parse(setting, environment.get(setting.name, setting.default))
        for section in sections
        for setting in section.settings
    }


def parse(setting: Setting, text: str) -> Any:
    """The value of one setting; a secret's text is never repeated in the message."""
    try:
        return setting.kind.parse(text)
    except ValueError:
        shown = "(secret)" if setting.secret else repr(text[:80])
        raise UnknownValue(f"{setting.name}={shown} is not allowed: {setting.kind.allowed}") from None


def process_environment(folder: Path) -> Mapping[str, str]:
    """The process environment; what it leaves unset comes from `.env` beside manage.py."""
    if (folder / ".env").is_file():
        environ.Env.read_env(folder / ".env")
    return os.environ
