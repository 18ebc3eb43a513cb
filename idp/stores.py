"""Turns the URLs of the settings into Django's dictionaries: database, mail, cache, channel layer, logs.

Nothing outside this file asks whether SQLite or Postgres, memory or Redis serves a process.
"""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from idp.environment import UnknownValue
from idp.mounts import network_file_system


def host_of(url: str) -> str:
    """Host of a base URL without port; IPv6 hosts keep their brackets, as in `ALLOWED_HOSTS`."""
    host = urlsplit(url).hostname or "localhost"
    return f"[{host}]" if ":" in host else host


def database(url: str, *, folder: Path, timeout: int, synchronous: str, pool_size: int) -> dict[str, Any]:
    """Django's database settings; SQLite as in R56, Postgres as in R57."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(parts.path, folder=folder, timeout=timeout, synchronous=synchronous)
    if parts.scheme in {"postgres", "postgresql"}:
        return _postgres(url, timeout=timeout, pool_size=pool_size)
    raise UnknownValue(
        f"DATABASE_URL={parts.scheme or 'without a scheme'}:… is not allowed: "
        "sqlite:///relative/path, sqlite:////absolute/path or postgres://user:password@host:5432/name"
    )


def _sqlite(path: str, *, folder: Path, timeout: int, synchronous: str) -> dict[str, Any]:
    file = folder / path[1:]
    if not path.strip("/"):
        raise UnknownValue("DATABASE_URL=sqlite:/// is not allowed: it names no file")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnknownValue(f"the folder of the database cannot be made: {error.strerror}") from None
    if kind := network_file_system(file.parent):
        raise UnknownValue(
            f"DATABASE_URL names a file on a network file system ({kind}), where SQLite's locks do not hold: "
            "use a disk of this machine, or Postgres"
        )
    pragmas = f"PRAGMA journal_mode=WAL;PRAGMA synchronous={synchronous};PRAGMA foreign_keys=ON;"
    return {
        "ENGINE": "idp.sqlite3",
        "NAME": str(file),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": timeout,
            "transaction_mode": "IMMEDIATE",
            "init_command": pragmas + "PRAGMA cache_size=-8000;PRAGMA mmap_size=134217728;",
        },
        # A file, not memory: tests with threads and with a second process need one database.
        "TEST": {"NAME": str(file.with_name("test-" + file.name))},
    }


def _postgres(url: str, *, timeout: int, pool_size: int) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = environ.Env.db_url_config(url)
    except (ImproperlyConfigured, ValueError):
        raise UnknownValue("DATABASE_URL is not allowed: it cannot be read as postgres://…") from None
    settings["HOST"] = unquote(settings.get("HOST") or "")  # %2Fvar%2Frun%2Fpostgresql: a socket's folder
    settings |= {"ENGINE": "idp.postgresql", "CONN_MAX_AGE": 0}
    settings["OPTIONS"] = settings.get("OPTIONS", {}) | {
        "pool": {"max_size": pool_size, "timeout": min(timeout, 1.8)},  # with the answer within two seconds
        "connect_timeout": 2,
        # A machine that vanished: the kernel gives up on what it never acknowledged (milliseconds).
        "tcp_user_timeout": (timeout + 2) * 1000,
        "options": f"-c statement_timeout={timeout * 1000} -c lock_timeout={timeout * 1000}",
    }
    return settings


def email(url: str, *, folder: Path) -> dict[str, Any]:
    """`EMAIL_…` settings from `EMAIL_URL`; three slashes of `filemail` are relative to manage.py's folder."""
    try:
        settings: dict[str, Any] = environ.Env.email_url_config(url)
    except (ImproperlyConfigured, KeyError, ValueError):
        scheme = urlsplit(url).scheme or "without a scheme"
        raise UnknownValue(f"EMAIL_URL={scheme}:… is not allowed: smtp+tls://…, filemail:///folder, …") from None
    file_path = settings.pop("EMAIL_FILE_PATH", "")
    if settings["EMAIL_BACKEND"].endswith("filebased.EmailBackend"):
        settings["EMAIL_BACKEND"] = "accounts.mail_files.EmailBackend"
        settings["EMAIL_FILE_PATH"] = str(folder / urlsplit(url).path[1:] if file_path is not None else folder)
    return settings | {"EMAIL_TIMEOUT": 10}


def redis_url(url: str) -> str:
    """The URL unchanged, or "" when unset."""
    if url and urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise UnknownValue("REDIS_URL is not allowed: redis://host:6379/0, rediss://… or unix://…")
    return url


def cache(url: str) -> dict[str, Any]:
    """Django's cache: Redis if there is one."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "KEY_PREFIX": "idp"}


def channel_layer(url: str) -> dict[str, Any]:
    """The Channels layer. 1 000 messages a channel: a slow socket is dropped, not its messages (socketio.md §4)."""
    if not url:
        return {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [url], "capacity": 1000},
    }


def logging(level: str) -> dict[str, Any]:
    """One JSON line an event on standard error (R51). Query strings and bodies are never handed to a logger."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "idp.logs.json_formatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            # A refused request is the client's doing; the audit log and the figures hold what matters of it.
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},  # strangers choose their Host header
            "django.server": {"handlers": [], "propagate": True},
            "django.template": {"level": "INFO"},  # below that it prints all that a page was made from
        },
    }
