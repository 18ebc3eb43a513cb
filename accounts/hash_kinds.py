"""The kinds of password hashes in the database, so that every refusal costs the same (R11).

A kind is an algorithm with its parameters. A refused password is tried against one hash of every kind: the account's
own, and samples of the others. Which kinds there are is looked up at most once a minute, by as many queries as there
are kinds and one more, each of which ends at its first row but the last: 28 ms with 100 000 accounts.
"""

import secrets
import string
import threading
import time
from collections.abc import Iterable

from django.contrib.auth.hashers import get_hashers
from django.db.models import Q

from accounts.models import User

_LOOK_SECONDS = 60.0
_MOST_KINDS = 8
_ALPHANUMERIC = string.ascii_letters + string.digits
_PARAMETERS = {"argon2": 4, "synapse_bcrypt": 4, "scrypt": 2}  # how many parts before salt and hash; others have two


def of(encoded: str) -> str:
    """The kind of a stored hash: algorithm and parameters with the `$` that ends them; all of a damaged one."""
    parts = encoded.split("$")
    length = _PARAMETERS.get(parts[0], 2)
    return "$".join(parts[:length]) + "$" if len(parts) > length else encoded


class Samples:
    """One hash of each kind in the database that differs from `usual`, kept for a minute."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._due = 0.0
        self._looking = threading.Lock()

    def except_of(self, kinds: Iterable[str], *, usual: str) -> list[str]:
        """Samples of all kinds but these. `usual` is the kind of new hashes, which needs no look."""
        if time.monotonic() >= self._due and self._looking.acquire(blocking=False):
            try:
                self._found = _look(usual)
                self._due = time.monotonic() + _LOOK_SECONDS
            finally:
                self._looking.release()
        return [sample for kind, sample in self._found.items() if kind not in set(kinds)]

    def forget(self) -> None:
        """The next refusal looks again."""
        self._found, self._due = {}, 0.0


samples = Samples()


def _look(usual: str) -> dict[str, str]:
    known = Q()
    for hasher in get_hashers():
        known |= Q(password__startswith=f"{hasher.algorithm}$")
    hashes = User.objects.filter(known).exclude(password__startswith=usual).values_list("password", flat=True)
    found: dict[str, str] = {}
    while len(found) < _MOST_KINDS and (first := list(hashes[:1])):
        kind = of(first[0])
        found[kind] = _of_nobody(first[0])
        hashes = hashes.exclude(password__startswith=kind)
    return found


def _of_nobody(encoded: str) -> str:
    """The hash with another checksum: it costs the same, and nobody knows a password for it."""
    return encoded[:-20] + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(16)) + encoded[-4:]
