"""The address of a client behind trusted proxies (R39): one function for limits, lists and audit."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from django.conf import settings

from accounts import patterns

_NEIGHBOURHOOD = {4: 24, 6: 48}  # bits of a network by the version of its addresses


def client_address(peer: str, forwarded_for: str = "") -> str:
    """The canonical address of the client, "" for a peer that has none (a local socket).

    `X-Forwarded-For` counts only from a trusted peer; then the client is its right-most entry that is no trusted
    proxy. A malformed entry ends the walk: the last good address counts.
    """
    current = patterns.address(peer)
    if current is None or not settings.TRUSTED_PROXIES or not _is_trusted(current):
        return str(current or "")
    for entry in reversed(forwarded_for.split(",")):
        hop = patterns.address(entry.strip())
        if hop is None:
            break
        current = hop
        if not _is_trusted(hop):
            break
    return str(current)


def of_scope(scope: Mapping[str, Any]) -> str:
    """The client's address of an ASGI scope."""
    peer = (scope.get("client") or ("",))[0]
    if not settings.TRUSTED_PROXIES:
        return client_address(peer)
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return client_address(peer, ",".join(forwarded))


def is_proxy(peer: str) -> bool:
    """Whether a peer is one of TRUSTED_PROXIES, whose word about a request counts."""
    address = patterns.address(peer)
    return address is not None and _is_trusted(address)


def mapped(ip: str) -> str:
    """The address as an IPv6 one, IPv4 as `::ffff:a.b.c.d`: the form in which dual-stack servers show it."""
    return f"::ffff:{ip}" if ip and ":" not in ip else ip


def neighbourhood(ip: str) -> str:
    """The network that a provider gives to about one neighbourhood, or one customer; "" for no address."""
    parsed = patterns.address(ip)
    return str(ip_network((parsed, _NEIGHBOURHOOD[parsed.version]), strict=False)) if parsed else ""


def _is_trusted(address: patterns.IPv4Address | patterns.IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)
