"""System checks for settings that start but should not face the world (R64). `manage.py check --deploy` runs them.

What must never start at all stops in `idp/unsafe.py`.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.template.loader import get_template

_NOT_SENDING = ("console", "filebased", "dummy", "locmem", "mail_files")
_OLDEST = {"daphne": (4, 2, 2), "Django": (5, 2), "django-allauth": (65, 14, 2)}


@register(Tags.security, deploy=True)
def facing_the_world(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """What an operator should mend before strangers come."""
    found: list[CheckMessage] = []
    if not settings.PUBLIC_IS_HTTPS:
        found.append(
            Caution(
                "PUBLIC_URL is not https.", hint="Session's encryption does not authenticate the server.", id="idp.W001"
            )
        )
    elif not settings.TRUSTED_PROXIES:
        found.append(
            Caution(
                "PUBLIC_URL is https but no proxy is trusted.",
                hint="Set TRUSTED_PROXIES to the reverse proxy's address, or every client counts as one.",
                id="idp.W002",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(Error("ALLOWED_HOSTS allows every host.", hint="Name the hosts.", id="idp.E001"))
    if settings.EMAIL_BACKEND.rpartition(".")[0].endswith(_NOT_SENDING):
        found.append(Caution("Mail is not sent.", hint="Set EMAIL_URL, such as smtp+tls://…", id="idp.W003"))
    return [*found, *_files(), *_mails(), *_versions()]


@register(Tags.database)
def several_processes_on_sqlite(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """SQLite has one writer at a time."""
    if settings.WORKERS > 1 and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return [Caution("Several processes share one SQLite file.", hint="Use Postgres beyond one.", id="idp.W004")]
    return []


def _files() -> list[CheckMessage]:
    """Keys and the database belong to the service user alone."""
    found: list[CheckMessage] = []
    for file in (settings.VAR_DIR / "secret_key", Path(str(settings.DATABASES["default"]["NAME"]))):
        if file.is_file() and file.stat().st_mode & file.parent.stat().st_mode & 0o007:
            found.append(Caution(f"{file.name} is open to other users.", hint=f"chmod o= {file.name}", id="idp.W005"))
    return found


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
    for name, oldest in _OLDEST.items():
        installed = tuple(int(part) for part in version(name).split(".")[:3] if part.isdigit())
        if installed < oldest:
            safe = ".".join(map(str, oldest))
            found.append(Error(f"{name} is too old.", hint=f"{safe} is the oldest safe version.", id="idp.E002"))
    return found
