"""How far two addresses are from each other, as far as that can be told without asking anybody. Pure.

There is no table of places here and no service is asked: a network in common says that two devices are likely in one
place, and different ones are what a person should be warned of (qr-login.md §7.6).
"""

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NEAR = {4: 16, 6: 32}  # bits: what one provider gives to one region, roughly
_HOME = 64  # bits of IPv6 that one household has
_LOCAL = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "::1/128",
    )
]


class Distance(StrEnum):
    """What can be said of two addresses."""

    SAME = "same"  # the same household or office
    NEAR = "near"
    FAR = "far"
    UNKNOWN = "unknown"


def distance(first: str, second: str) -> Distance:
    """Between the device that asks and the browser that decides."""
    one, other = _parsed(first), _parsed(second)
    if one is None or other is None:
        return Distance.UNKNOWN
    if one.version != other.version:
        return Distance.FAR
    if one == other or (one.version == 6 and _share(one, other, _HOME)):
        return Distance.SAME
    return (
        Distance.NEAR
        if (_is_local(one) and _is_local(other)) or _share(one, other, _NEAR[one.version])
        else Distance.FAR
    )


def _share(one: IPv4Address | IPv6Address, other: IPv4Address | IPv6Address, bits: int) -> bool:
    return other in ip_network((one, bits), strict=False)


def _is_local(one: IPv4Address | IPv6Address) -> bool:
    return any(one in network for network in _LOCAL)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
