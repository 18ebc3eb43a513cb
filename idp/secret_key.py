"""The key of all signatures: made once when the operator gives none, and those before it (R31).

Two files in VAR_DIR, mode 0600: `secret_key` holds the key that signs, `secret_key_fallbacks` the older ones, a line
each: the key, and the moment until which it still verifies. A line without a moment holds for as long as it is there.
"""

import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from idp.environment import UnknownValue
from idp.files import draft_of

NAME, FALLBACKS_NAME = "secret_key", "secret_key_fallbacks"
_LEAST = 32  # characters
_FALLBACK = re.compile(r"(\S+)(?: until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ))?")
_FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class OldKey:
    """A key that signs no more. Until the aware moment `until` it verifies; None: no end is known yet."""

    key: str
    until: datetime | None = None

    def is_in_force(self, moment: datetime) -> bool:
        """Whether it still verifies."""
        return self.until is None or self.until > moment


def new_key() -> str:
    """64 characters of 384 random bits."""
    return secrets.token_urlsafe(48)


def own_secret_key(file: Path) -> str:
    """The key kept in `file` (mode 0600), written first if there is none.

    Two processes that start at once agree: the file appears whole under its name by one atomic link.
    """
    if not file.exists():
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UnknownValue(f"VAR_DIR cannot be made: {error.strerror}") from None
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(new_key() + "\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            pass  # another process was first: its key counts
        finally:
            draft.unlink()
    key = file.read_text().strip()
    if len(key) < _LEAST:
        raise UnknownValue(f"{file.name} holds fewer than 32 characters: delete it to have a new key made")
    return key


def own_fallbacks(file: Path) -> list[OldKey]:
    """The older keys kept in `file`, newest first; none when there is no such file."""
    try:
        lines = file.read_text().split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeError):
        raise UnknownValue(f"{file.name} cannot be read") from None
    return [_old_key(file, line.strip()) for line in lines if line.strip()]


def in_force(keys: Iterable[OldKey], moment: datetime) -> list[str]:
    """Those of the older keys that still verify."""
    return [old.key for old in keys if old.is_in_force(moment)]


def write_key(file: Path, key: str) -> None:
    """Puts the key that signs in the place of the one before: whoever reads sees the one or the other, whole."""
    _put(file, key + "\n")


def write_fallbacks(file: Path, keys: Iterable[OldKey]) -> None:
    """Replaces the older keys, likewise."""
    lines = [f"{old.key} until {old.until.astimezone(UTC).strftime(_FORM)}" if old.until else old.key for old in keys]
    _put(file, "".join(f"{line}\n" for line in lines))


def _old_key(file: Path, line: str) -> OldKey:
    match = _FALLBACK.fullmatch(line)
    if not match or len(match[1]) < _LEAST:
        raise UnknownValue(f"{file.name} holds a line that is no key: KEY, or KEY until 2030-01-31T12:00:00Z")
    return OldKey(match[1], datetime.strptime(match[2], _FORM).replace(tzinfo=UTC) if match[2] else None)


def _put(file: Path, text: str) -> None:
    with draft_of(file) as draft:
        draft.write_text(text)
