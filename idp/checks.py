"""System checks for settings that start but should not face the world (R64). `manage.py check --deploy` runs them.

What must never start at all stops in `idp/unsafe.py`. Each message has an id of its own, so that an operator who knows
better can name it in SILENCED_SYSTEM_CHECKS.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.template.loader import get_template

from idp import secret_key, unsafe

_NOT_SENDING = ("console", "filebased", "dummy", "locmem", "mail_files")
# The oldest versions without a known hole that matters here; SECURITY.md repeats them (R66).
OLDEST = {"Django": (5, 2, 13), "daphne": (4, 2, 2), "django-allauth": (65, 14, 2)}
OLDEST_GPG, OLDEST_GPG_2_3 = (2, 2, 36), (2, 3, 7)  # CVE-2022-34903
_LEAST_SECRET = 24  # characters of what a program is given to prove itself


@register(Tags.security, deploy=True)
def facing_the_world(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """What an operator should mend before strangers come."""
    return [*_transport(), *_keys(), *_debugging(), *_sending(), *_files(), *_mails(), *_versions(), *_gpg()]


@register(Tags.database)
def several_processes_on_sqlite(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """SQLite has one writer at a time."""
    if settings.WORKERS > 1 and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return [Caution("Several processes share one SQLite file.", hint="Use Postgres beyond one.", id="idp.W004")]
    return []


def _transport() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not settings.PUBLIC_IS_HTTPS:
        hint = "Session's encryption does not authenticate the server: put a reverse proxy with TLS in front."
        found.append(Caution("PUBLIC_URL is not https.", hint=hint, id="idp.W001"))
    elif not settings.TRUSTED_PROXIES:
        hint = "Set TRUSTED_PROXIES to the reverse proxy's address, or every client counts as one."
        found.append(Caution("PUBLIC_URL is https but no proxy is trusted.", hint=hint, id="idp.W002"))
    wide = [str(network) for network in settings.TRUSTED_PROXIES if getattr(network, "prefixlen", 32) == 0]
    if wide:
        hint = "Name the proxy's own address: from these, anybody may say that a request comes from anywhere."
        found.append(Error(f"TRUSTED_PROXIES believes everybody ({', '.join(wide)}).", hint=hint, id="idp.E004"))
    if "*" in settings.ALLOWED_HOSTS:
        found.append(Error("ALLOWED_HOSTS allows every host.", hint="Name the hosts.", id="idp.E001"))
    return found


def _keys() -> list[CheckMessage]:
    """Keys that are short, or that everybody knows; the start refuses them too, but only those it is given."""
    found: list[CheckMessage] = []
    for name, key in (("SECRET_KEY", settings.SECRET_KEY), *(("A fallback", k) for k in settings.SECRET_KEY_FALLBACKS)):
        if unsafe.is_weak(str(key)):
            hint = "At least 32 random characters: leave SECRET_KEY out, and a good one is made and kept in VAR_DIR."
            found.append(Error(f"{name} is weak or an example.", hint=hint, id="idp.E003"))
    for name in ("MATRIX_HOMESERVER_SECRET", "METRICS_TOKEN"):
        secret = str(getattr(settings, name, ""))
        if secret and len(secret.strip()) < _LEAST_SECRET:
            hint = f"At least {_LEAST_SECRET} random characters, such as `openssl rand -hex 32` prints."
            found.append(Caution(f"{name} is short.", hint=hint, id="idp.W008"))
    return found


def _debugging() -> list[CheckMessage]:
    if settings.DEBUG:
        return [Error("DEBUG is on.", hint="Unset it: its pages show settings and code.", id="idp.E005")]
    if settings.DEMO:
        return [Caution("The demonstration pages are served.", hint="Unset DEMO.", id="idp.W009")]
    return []


def _sending() -> list[CheckMessage]:
    if settings.EMAIL_BACKEND.rpartition(".")[0].endswith(_NOT_SENDING):
        return [Caution("Mail is not sent.", hint="Set EMAIL_URL, such as smtp+tls://…", id="idp.W003")]
    secured = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or unsafe.is_loopback(str(settings.EMAIL_HOST))
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend") and not secured:
        hint = "Use smtp+tls:// or smtp+ssl://: mails hold links and codes that open accounts."
        return [Caution("Mail goes to another machine without TLS.", hint=hint, id="idp.W010")]
    return []


def open_files() -> list[Path]:
    """Files of keys and people that users of the machine other than the server's can read or change."""
    folder = Path(settings.VAR_DIR)
    named = [folder / name for name in (secret_key.NAME, secret_key.FALLBACKS_NAME, "mail")]
    database = Path(str(settings.DATABASES["default"]["NAME"]))
    own = [*named, *(database.with_name(database.name + end) for end in ("", "-wal", "-shm"))]
    return [path for path in own if path.exists() and path.stat().st_mode & path.parent.stat().st_mode & 0o007]


def _files() -> list[CheckMessage]:
    """Keys and the database belong to the service user alone."""
    return [
        Caution(f"{path.name} is open to other users.", hint=f"chmod o= {path}", id="idp.W005") for path in open_files()
    ]


def _mails() -> list[CheckMessage]:
    """An operator's mail that is broken is replaced by the shipped one, so nobody would see it otherwise."""
    found: list[CheckMessage] = []
    for file in sorted((settings.VAR_DIR / "templates" / "mail").glob("*")):
        try:
            get_template(f"mail/{file.name}")
        except Exception as error:  # a file may be broken in any way
            found.append(
                Caution(f"mail/{file.name} is broken.", hint=f"{type(error).__name__}: {error}", id="idp.W006")
            )
    return found


def _versions() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, oldest in OLDEST.items():
        installed = tuple(int(part) for part in version(name).split(".")[:3] if part.isdigit())
        if installed < oldest:
            safe = ".".join(map(str, oldest))
            found.append(Error(f"{name} is too old.", hint=f"{safe} is the oldest safe version.", id="idp.E002"))
    return found


def gpg_version() -> tuple[int, ...] | None:
    """The version of the gpg that would be asked; () when it does not say, None when there is none."""
    program = shutil.which(settings.OPENPGP_GPG or "gpg")
    if program is None:
        return None
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, match.groups())) if match else ()


def is_safe_gpg(found: tuple[int, ...]) -> bool:
    """Whether a gpg of this version has no known hole that matters here."""
    return found >= OLDEST_GPG and not (2, 3) <= found < OLDEST_GPG_2_3


def safe_gpg_in_words() -> str:
    """The oldest safe versions of gpg."""
    return f"{'.'.join(map(str, OLDEST_GPG))} (of 2.3: {'.'.join(map(str, OLDEST_GPG_2_3))})"


def _gpg() -> list[CheckMessage]:
    found = gpg_version()
    if found is None or is_safe_gpg(found):
        return []  # without gpg some keys sign nobody in, which the log says; nothing is unsafe
    hint = f"{safe_gpg_in_words()} is the oldest safe version; OPENPGP_GPG names another program."
    return [Error(f"gpg {'.'.join(map(str, found)) or 'does not say its version'}.", hint=hint, id="idp.E006")]
