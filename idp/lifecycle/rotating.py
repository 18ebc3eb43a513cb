"""New keys without a restart and without logging anybody out (R31).

1. The new key is written beside the older ones: from now on every process verifies with it.
2. A moment later it becomes the key that signs, and the one before an older one.
3. A moment later what is sealed in the database is sealed anew, and the signing key of ID tokens is replaced.
4. The key before gets its end: the longest lifetime of anything that it signed.

Whoever is killed in between leaves an installation that works, with one older key more than it needs.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from accounts import audit, clock, recovery_codes, sealed_rows
from accounts.sealed_rows import Tally
from devicelogin.oauth import signing_keys
from idp import key_watch, secret_key
from idp.lifecycle import lifetimes
from idp.secret_key import OldKey

TAKEN_UP = 1.5  # seconds until every process has looked, four times a second, also where many are busy

Report = Callable[[str], None]


class Busy(Exception):
    """Another rotation is under way."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was done. `until` is the end of the key before; None when SECRET_KEY is the operator's, or none is kept."""

    secret_key: bool
    until: datetime | None
    signing_key: str
    tallies: tuple[Tally, ...]


def rotate(report: Report, *, forget_old: bool = False) -> Rotation:
    """Makes new keys. With `forget_old` those before verify nothing any more: for a key that somebody else has seen.

    Busy, OSError when VAR_DIR cannot be written, and what the database says.
    """
    connection.ensure_connection()  # a database that is away should cost nothing but a line
    with _alone(settings.VAR_DIR):
        is_own = bool(settings.SECRET_KEY_IS_OWN)
        if is_own:
            _replace_secret_key(settings.VAR_DIR, report)
        recovery_codes.keep_keys()
        tallies = tuple(_reseal(kind, report) for kind in sealed_rows.kinds())
        kid = _new_signing_key() if settings.OAUTH else ""
        until = _end_older_keys(settings.VAR_DIR, forget_old=forget_old) if is_own else None
        facts = {"secret_key": is_own, "signing_key": kid, "resealed": sum(tally.resealed for tally in tallies)}
        audit.record_or_fail("keys-rotated", actor=None, facts=facts | ({"forgot_old": True} if forget_old else {}))
    return Rotation(is_own, until, kid, tallies)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Busy from None
    finally:
        os.close(descriptor)


def _replace_secret_key(folder: Path, report: Report) -> None:
    file, older = folder / secret_key.NAME, folder / secret_key.FALLBACKS_NAME
    watch = key_watch.KeyWatch(folder)
    watch.take_up()
    before, kept = str(settings.SECRET_KEY), secret_key.own_fallbacks(older)
    new = secret_key.new_key()
    report("every process learns the new key")
    secret_key.write_fallbacks(older, [OldKey(new), OldKey(before), *kept])
    time.sleep(TAKEN_UP)
    report("the new key signs")
    secret_key.write_key(file, new)
    watch.take_up()
    time.sleep(TAKEN_UP)
    secret_key.write_fallbacks(older, [OldKey(before), *kept])


def _reseal(kind: sealed_rows.Kind, report: Report) -> Tally:
    done = Tally(kind.name)
    for done in sealed_rows.reseal(kind):
        report(f"{kind.name}: {done.seen} looked at, {done.resealed} sealed anew")
    return done


def _new_signing_key() -> str:
    signing_keys.rotate(reason="rotatekeys", actor="command")
    return signing_keys.current()[0]


def _end_older_keys(folder: Path, *, forget_old: bool) -> datetime | None:
    """Gives an end to those that have none; answers the latest."""
    older, moment = folder / secret_key.FALLBACKS_NAME, clock.now()
    end = clock.after(lifetimes.longest(), moment).replace(microsecond=0)
    kept = [] if forget_old else [old for old in secret_key.own_fallbacks(older) if old.is_in_force(moment)]
    secret_key.write_fallbacks(older, [replace(old, until=old.until or end) for old in kept])
    key_watch.KeyWatch(folder).take_up()
    return None if forget_old else end
