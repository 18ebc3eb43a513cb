"""Combinations of settings that must not serve anyone (R3, R31, R58): the start stops with one line."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from idp.environment import UnknownValue

_EXAMPLE_KEYS = {"changeme", "change-me", "example", "django-insecure"}


def refuse_unsafe(values: Mapping[str, Any]) -> None:
    """Raises `UnknownValue` for the first combination that is refused."""
    if values["DEBUG"] and not is_loopback(values["HOST"]):
        raise UnknownValue(f"DEBUG=on is not allowed with HOST={values['HOST']}: only with a loopback address")
    for name, key in (("SECRET_KEY", values["SECRET_KEY"]), *_fallbacks(values)):
        if key and is_weak(key):
            raise UnknownValue(f"{name}=(secret) is not allowed: at least 32 random characters")
    if bool(values["MATRIX_HOMESERVER_URL"]) != bool(values["MATRIX_HOMESERVER_SECRET"]):
        missing = "MATRIX_HOMESERVER_SECRET" if values["MATRIX_HOMESERVER_URL"] else "MATRIX_HOMESERVER_URL"
        raise UnknownValue(f"{missing}= is not allowed here: the URL and the secret of a homeserver go together")
    if values["WORKERS"] > 1 and not values["REDIS_URL"]:
        raise UnknownValue(f"WORKERS={values['WORKERS']} is not allowed without REDIS_URL")
    if values["WORKERS"] > 1 and values["SERVER"] != "uvicorn":
        raise UnknownValue(f"WORKERS={values['WORKERS']} is not allowed with SERVER={values['SERVER']}: use uvicorn")


def is_weak(key: str) -> bool:
    """Whether a key is short, made of few characters, or one that everybody knows."""
    return len(key) < 32 or len(set(key)) < 8 or any(word in key.lower() for word in _EXAMPLE_KEYS)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _fallbacks(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("SECRET_KEY_FALLBACKS", key) for key in values["SECRET_KEY_FALLBACKS"]]
