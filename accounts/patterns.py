"""Patterns of the lists: one canonical text per meaning, and the keys by which an index finds them (R48).

A rule is stored under one `lookup` text. A subject is asked for by the few lookups it can match, so a decision costs
the same with ten rules and with a hundred thousand. Names with wildcards are kept under their fixed beginning, or,
when they begin with a wildcard, under their fixed end; `shape` says which beginnings, ends and network sizes occur.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import idna

from accounts.errors import Reason, Refusal
from accounts.keys import canonical_fingerprint, canonical_x25519

_NAME_PATTERN = re.compile(r"[a-z0-9._=/+?*-]{1,255}")
_WILDCARD = re.compile(r"[*?]")
_MOST_ADDRESS = 254  # characters, as the column
_LOCAL_PART = re.compile(r'[^"(),:;<>@\[\\\]\s]+')  # unquoted, so that no address is read as two (RFC 5322 §3.2.3)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A canonical pattern with the index entry it is found by."""

    text: str
    lookup: str
    shape: str


def canonical(field: str, text: str) -> Pattern:
    """The one spelling of a rule; Refusal FIELD_INVALID says what it must look like."""
    stripped = text.strip()
    match field:
        case "pubkey":
            return _exact(field, canonical_x25519(stripped))
        case "fingerprint":
            return _exact(field, canonical_fingerprint(stripped))
        case "username":
            return _name(stripped.lower())
        case "email":
            return _exact(field, email_address(stripped))
        case "domain":
            return _exact(field, domain_name(stripped.removeprefix("@").removeprefix("*.")))
        case "ip":
            return _network(stripped)
    raise Refusal(Reason.FIELD_INVALID, field="field")


def domain_name(text: str) -> str:
    """Lower-case, IDNA-encoded, without a final dot."""
    try:
        return idna.encode(text.rstrip("."), uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise Refusal(Reason.FIELD_INVALID, field="domain") from None


def email_address(text: str) -> str:
    """`local@domain`, the local part case-folded, the domain lower-case and IDNA-encoded (matrix.md §3)."""
    local, _, domain = text.rpartition("@")
    if len(text) > _MOST_ADDRESS or not text.isprintable() or not _LOCAL_PART.fullmatch(local):
        raise Refusal(Reason.FIELD_INVALID, field="email")
    canonical = f"{local.casefold()}@{domain_name(domain)}"
    if len(canonical) > _MOST_ADDRESS:  # folding and encoding lengthen
        raise Refusal(Reason.FIELD_INVALID, field="email")
    return canonical


def address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, IPv4-mapped ones as IPv4; None when it is none (a local socket)."""
    try:
        parsed = ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed


def glob_matches(pattern: str, name: str) -> bool:
    """`*` is any run of characters, `?` one; everything else is itself."""
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, name, re.DOTALL) is not None


def name_lookups(name: str, shapes: frozenset[str]) -> Iterator[str]:
    """The lookups under which a rule that matches `name` can stand, given the shapes in use."""
    yield f"username={name}"
    for shape in shapes:
        if shape.startswith("name^") and len(name) >= (size := int(shape[5:])):
            yield f"username^{name[:size]}"
        elif shape.startswith("name$") and len(name) >= (size := int(shape[5:])):
            yield f"username${name[-size:]}"
        elif shape == "name*":
            yield "username*"


def address_lookups(text: str, shapes: frozenset[str]) -> Iterator[str]:
    """The networks of the sizes in use that hold the address."""
    parsed = address(text)
    if parsed is None:
        return
    for shape in shapes:
        version, _, size = shape.removeprefix("ip").partition("/")
        if shape.startswith("ip") and version == str(parsed.version):
            yield f"ip={ip_network((parsed, int(size)), strict=False)}"


def email_lookups(email: str) -> Iterator[str]:
    """The address, its domain and the domains above it."""
    yield f"email={email}"
    labels = email.rpartition("@")[2].split(".")
    for start in range(len(labels)):
        yield f"domain={'.'.join(labels[start:])}"


def _exact(field: str, text: str) -> Pattern:
    return Pattern(text, f"{field}={text}", field)


def _name(text: str) -> Pattern:
    if not _NAME_PATTERN.fullmatch(text):
        raise Refusal(Reason.FIELD_INVALID, field="username")
    beginning, end = _WILDCARD.split(text)[0], _WILDCARD.split(text)[-1]
    if "*" not in text and "?" not in text:
        return Pattern(text, f"username={text}", "name=")
    if beginning:
        return Pattern(text, f"username^{beginning}", f"name^{len(beginning)}")
    if end:
        return Pattern(text, f"username${end}", f"name${len(end)}")
    return Pattern(text, "username*", "name*")


def _network(text: str) -> Pattern:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Refusal(Reason.FIELD_INVALID, field="ip") from None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        network = ip_network((mapped, network.prefixlen - 96), strict=False)
    shown = str(network.network_address) if network.num_addresses == 1 else str(network)
    return Pattern(shown, f"ip={network}", f"ip{network.version}/{network.prefixlen}")
