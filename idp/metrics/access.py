"""Who may read the figures: this machine, or who knows METRICS_TOKEN (operations.md §2)."""

import hmac
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts import addresses, patterns

# What a proxy adds. A request that came through one is no request of this machine, whether or not the proxy is trusted.
_FORWARDED = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host", b"via"})


def may_read(scope: Mapping[str, Any]) -> bool:
    """Whether a scraper may have the figures."""
    return _knows_token(scope) or _is_of_this_machine(scope)


def _knows_token(scope: Mapping[str, Any]) -> bool:
    expected = settings.METRICS_TOKEN
    if not expected:
        return False
    given = b"".join(value for name, value in scope["headers"] if name == b"authorization")
    scheme, _, token = given.partition(b" ")
    is_right = hmac.compare_digest(token.strip(), expected.encode())
    return is_right and scheme.lower() == b"bearer"


def _is_of_this_machine(scope: Mapping[str, Any]) -> bool:
    """By the address of R39, so that a stranger behind a proxy on this machine is one. A proxy that nobody trusts, and
    that names whom it asks for, is refused too: all its clients look like this machine."""
    address = patterns.address(addresses.of_scope(scope))
    if address is None or not address.is_loopback:
        return False
    return not any(name in _FORWARDED for name, _ in scope["headers"])
