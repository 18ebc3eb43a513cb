"""How a running process takes up a key that `rotatekeys` made: it looks at the two files four times a second (R31).

No restart and no lost request: Django and the house read `settings.SECRET_KEY` whenever they sign or verify. A key
given in the environment is the operator's; then nothing is watched.
"""

import logging
from datetime import datetime
from pathlib import Path

from django.conf import settings

from accounts import clock
from idp.environment import UnknownValue
from idp.secret_key import FALLBACKS_NAME, NAME, OldKey, in_force, own_fallbacks, own_secret_key

INTERVAL = 0.25  # seconds
_log = logging.getLogger("latchkey.keys")
_Signature = tuple[int, int, int]


class KeyWatch:
    """What the files of one VAR_DIR said when this process last looked."""

    def __init__(self, folder: Path) -> None:
        self._key, self._fallbacks = folder / NAME, folder / FALLBACKS_NAME
        self._read_at: tuple[_Signature | None, ...] = ()
        self._current = ""
        self._old: list[OldKey] = []
        self._complained = False

    def take_up(self) -> bool:
        """Brings the settings of this process in line with the files; whether anything changed.

        Files that cannot be read change nothing: the keys of a running server do not vanish with a file.
        """
        if not settings.SECRET_KEY_IS_OWN or not self._look():
            return False
        return _set(self._current, self._old, clock.now())

    def _look(self) -> bool:
        signatures = _signature(self._fallbacks), _signature(self._key)
        if signatures == self._read_at:
            return True
        try:
            # The older keys first: a rotation writes them first, so none is missing beside the key read after them.
            old = own_fallbacks(self._fallbacks)
            if signatures[1] is None:
                raise UnknownValue(f"{self._key.name} is gone")
            self._current, self._old = own_secret_key(self._key), old
        except (UnknownValue, OSError) as failure:
            if not self._complained:
                _log.warning("the keys cannot be read, going on with those known: %s", type(failure).__name__)
            self._complained = True
            return False
        self._read_at, self._complained = signatures, False
        return True


def _set(current: str, old: list[OldKey], moment: datetime) -> bool:
    """Django keeps each setting by itself, so another thread may see one new and one old: first both keys verify."""
    given: list[str] = settings.SECRET_KEYS_GIVEN
    wanted = [key for key in dict.fromkeys([*given, *in_force(old, moment)]) if key != current]
    if (current, wanted) == (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS):
        return False
    settings.SECRET_KEY_FALLBACKS = list(dict.fromkeys([current, str(settings.SECRET_KEY), *wanted]))
    settings.SECRET_KEY = current
    settings.SECRET_KEY_FALLBACKS = wanted
    return True


def _signature(file: Path) -> _Signature | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
