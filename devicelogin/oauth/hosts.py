"""Hosts of clients: which may stand for one, and which lies below which (matrix-oauth.md §2). Pure."""

from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna
from fido2 import rpid

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_NOT_PUBLIC = LOOPBACK | {"0.0.0.0", "[::]"}  # noqa: S104  # refused, not listened on


def of(url: str) -> str:
    """The host of a URL in lower-case ASCII without its final dot, IPv6 in brackets; "" when there is none."""
    try:
        host = urlsplit(url).hostname or ""
        if ":" in host:
            return f"[{ip_address(host)}]"
        return host if is_address(host) else _ascii(host)
    except ValueError:
        return ""


def is_below(host: str, above: str) -> bool:
    """Whether a host is another one or below it, by whole labels."""
    return host == above or (host.endswith(f".{above}") and not is_address(host))


def is_below_reversed(scheme: str, reversed_host: str) -> bool:
    """Whether a private-use scheme is a reversed host or begins with it, by whole labels (RFC 8252 §7.1)."""
    return scheme == reversed_host or scheme.startswith(f"{reversed_host}.")


def may_stand_for_a_client(host: str) -> bool:
    """Whether the host is somebody's on the public network: no name of this machine, no public suffix."""
    return bool(host) and host not in _NOT_PUBLIC and not host.endswith(".localhost") and not is_public_suffix(host)


def is_public_suffix(host: str) -> bool:
    """Whether everybody can register names below this host (`co.uk`, `github.io`, any top level)."""
    if is_address(host):
        return False
    suffixes = _suffixes()
    if f"!{host}" in suffixes:
        return False
    return host in suffixes or f"*.{host.partition('.')[2]}" in suffixes or "." not in host


def is_address(host: str) -> bool:
    """Whether the host is an IP address."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _ascii(host: str) -> str:
    text = host.rstrip(".")
    if text.isascii():
        labels = text.split(".")
        fine = all(label and len(label) < 64 and label.replace("-", "").replace("_", "").isalnum() for label in labels)
        return text.lower() if fine and len(text) < 254 else ""
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        return ""


@cache
def _suffixes() -> frozenset[str]:
    """The public suffix list that python-fido2 ships and renews; its names as they go over the wire."""
    found = set()
    for entry in rpid.suffixes:
        mark = entry[: len(entry) - len(entry.lstrip("!*."))]
        name = entry[len(mark) :]
        found.add(mark + (name if name.isascii() else name.encode("idna").decode("ascii")))
    return frozenset(found)
