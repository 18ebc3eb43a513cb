"""Where a browser goes back to, and what it carries (matrix-oauth.md §4). Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

QUERY, FRAGMENT, FORM_POST = "query", "fragment", "form_post"
MODES = (QUERY, FRAGMENT, FORM_POST)
_WITH_PORT = re.compile(r"(http://(?:localhost|127\.0\.0\.1|\[::1\])):([0-9]{1,5})((?:[/?][!-~]*)?)")


@dataclass(frozen=True, slots=True)
class Redirect:
    """The answer of the authorization endpoint: a `uri` to go to, or, for form_post, to post the `fields` to."""

    mode: str
    uri: str
    fields: Mapping[str, str] = field(default_factory=dict)


def make(mode: str, uri: str, fields: Mapping[str, str]) -> Redirect:
    """The redirect of this response mode; the query of the registered URI stays."""
    if mode == FORM_POST:
        return Redirect(mode, uri, dict(fields))
    encoded = urlencode(fields)
    if mode == FRAGMENT:
        return Redirect(mode, f"{uri}#{encoded}")
    return Redirect(mode, f"{uri}{'&' if '?' in uri else '?'}{encoded}")


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Whether the URI is one of these, as exact strings; of http loopback any port will do (RFC 8252 §7.3)."""
    known = set(registered)
    return uri in known or _without_loopback_port(uri) in known


def _without_loopback_port(uri: str) -> str:
    """By its text: a parser of URLs drops what a browser, or this server, would make something of."""
    found = _WITH_PORT.fullmatch(uri)
    return found[1] + found[3] if found and int(found[2]) < 65536 else ""
