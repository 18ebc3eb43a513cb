"""This machine and this installation on it: settings, files, room, clock, keys, hashing, programs."""

import shutil
import tempfile
import time
from collections import deque
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import get_hasher
from django.core import checks as django_checks
from django.db import connection

from accounts import clock, sealed_rows, words
from idp import checks, time_sync
from idp.doctor import asking, openpgp
from idp.doctor.findings import Check, Finding, failed, good, skipped
from idp.lifecycle import backing_up

_LEAST_FREE, _LEAST_SHARE = 500 * 2**20, 0.05  # bytes, of the whole
_LEAST_MEMORY, _LEAST_ROUNDS = 19 * 1024, 2  # KiB and rounds of Argon2id (R5)
_SLOW = 1.0  # seconds a hash may take on a machine that does nothing else
_LOOKS = 10  # batches of each kind


def deploying() -> Finding:
    """What `check --deploy` says."""
    if asking.is_here_alone():
        return skipped(
            "PUBLIC_URL is this machine alone, so nobody can come (check --deploy tells what would be wrong)"
        )
    found = [
        message
        for message in django_checks.run_checks(include_deployment_checks=True)
        if message.is_serious(django_checks.WARNING) and not message.is_silenced()
    ]
    if found:
        first = found[0]
        detail = f"{words.count(len(found), 'thing')} to mend, such as: {first.msg}"
        return failed(detail, f"{first.hint or ''} All of them: `manage.py check --deploy`.".strip())
    return good("nothing to mend")


def files() -> Finding:
    """Keys, database and mails are readable by the server's user alone."""
    found = checks.open_files()
    if found:
        names = " ".join(str(path) for path in found)
        return failed(f"open to other users: {names}", f"chmod o= {names}")
    return good(f"closed to other users below {settings.VAR_DIR}")


def room() -> Finding:
    """Free space where the server writes: a full disk stops every login."""
    places = {"VAR_DIR": settings.VAR_DIR, "temporary files": Path(tempfile.gettempdir())}
    if connection.vendor == "sqlite":
        places["the database"] = backing_up.database_file().parent
    told = []
    for name, place in places.items():
        found = shutil.disk_usage(place)
        if found.free < _LEAST_FREE or found.free < _LEAST_SHARE * found.total:
            cure = f"Make room at {place}: old backups, mails in files; or shorter retention, then `manage.py purge`."
            return failed(f"{name}: {found.free / 2**20:,.0f} MiB left of {found.total / 2**20:,.0f}", cure)
        told.append(f"{name} {found.free / 2**30:,.1f} GiB")
    return good(", ".join(told))


def ntp() -> Finding:
    """Whether the kernel's clock follows a server of time, and PUBLIC_URL's answers have the same."""
    following = time_sync.is_synchronised()
    answer = asking.ask("GET", "/healthz")
    apart = None if isinstance(answer, str) else time_sync.seconds_apart(asking.header(answer, "date"))
    if apart is not None and apart > time_sync.MOST_APART:
        return failed(f"PUBLIC_URL answers {apart:.0f} s off", "Let both machines take the time from NTP.")
    known = {True: "set by a server of time", False: "set by nothing: timedatectl set-ntp true", None: ""}[following]
    return good(f"{clock.now():%Y-%m-%dT%H:%M:%SZ} {known}".strip())


def keys() -> Finding:
    """Whether what is sealed in the database can be opened with the keys that are here."""
    seen = unreadable = 0
    for kind in sealed_rows.kinds():
        for tally in deque(islice(sealed_rows.look(kind), _LOOKS), maxlen=1):  # the last one has counted all
            seen, unreadable = seen + tally.seen, unreadable + tally.unreadable
    if unreadable:
        return failed(
            f"{unreadable} of {words.count(seen, 'sealed text')} cannot be opened",
            "Put the secret_key and secret_key_fallbacks under which they were sealed into VAR_DIR, or set SECRET_KEY.",
        )
    return good(f"{words.count(seen, 'sealed text')} looked at")


def hashing() -> Finding:
    """The parameters of Argon2id, and what a hash costs here."""
    hasher = get_hasher("default")
    memory, rounds = int(getattr(hasher, "memory_cost", 0)), int(getattr(hasher, "time_cost", 0))
    if hasher.algorithm != "argon2" or memory < _LEAST_MEMORY or rounds < _LEAST_ROUNDS:
        return failed(
            f"{hasher.algorithm}, {memory} KiB, {rounds} rounds",
            f"At least argon2 with {_LEAST_MEMORY} KiB and {_LEAST_ROUNDS} rounds: undo the change to the hashers.",
        )
    begun = time.perf_counter()
    hasher.encode("three green bottles", hasher.salt())
    took = time.perf_counter() - begun
    if took > _SLOW:
        return failed(
            f"a hash takes {took * 1000:.0f} ms", "The processor is overloaded or weak: look at what else runs."
        )
    return good(f"Argon2id, {memory // 1024} MiB, {rounds} rounds, {took * 1000:.0f} ms")


def gpg_version() -> Finding:
    """Whether gpg is there, and not older than is safe."""
    version = checks.gpg_version()
    if version is None:
        return failed("gpg is not installed", "Install GnuPG (Debian: apt install gpg), or set OPENPGP_GPG.")
    named = ".".join(map(str, version)) or "of an unknown version"
    if not checks.is_safe_gpg(version):
        return failed(f"gpg {named}", f"{checks.safe_gpg_in_words()} is the oldest safe version.")
    return good(f"gpg {named}")


CHECKS = (
    Check("settings", "settings are fit for the world", deploying),
    Check("files", "files are closed to others", files),
    Check("room", "there is room to write", room),
    Check("clock", "the clock is right", ntp),
    Check("keys", "what is sealed can be opened", keys),
    Check("hashing", "passwords are hashed well", hashing),
    Check("gpg-version", "gpg is there, and safe", gpg_version),
    *openpgp.CHECKS,
)
