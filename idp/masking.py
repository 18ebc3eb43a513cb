"""Paths as the log may show them: what could be a secret is masked, what a terminal would obey is escaped (R51).

A path should hold no secret, but some protocols put one there, and people paste tokens into address bars. So a segment
is shown when it is short and does not look random, or of a form that is public by design; of any other only its
beginning and its length are.
"""

import re
from functools import lru_cache
from urllib.parse import quote

_LONGEST_PATH = 512  # characters
_LONGEST_SEGMENT = 24
_KEPT = 4
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_.@=-]{0,24})*")
# A Session key, a Matrix user id, a word of Matrix's own: public, and worth finding in a log.
_PUBLIC = re.compile(
    r"@?05[0-9a-f]{64}|@[a-z0-9._=/+-]{1,64}:[A-Za-z0-9.:\[\]-]{1,64}|(?:m|(?:org\.matrix|io\.element)\.msc\d+)(?:\.[a-z_]{1,24})+"
)
_FILE = re.compile(r"[A-Za-z0-9_.@-]+\.(?:css|js|map|svg|png|jpg|ico|woff2?|json|txt)")
# What begins like one of our tokens is one, however short it was cut.
_TOKEN = re.compile(r"(?:^|[^A-Za-z0-9])(?:(?:mat|mar|mlt|idp_[a-z]{2})_|eyJ)", re.IGNORECASE)
# Upper case, lower case and digits together: random, such as a piece of Base64 between two slashes of its own.
_RANDOM = re.compile(r"(?:^|/)(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*[0-9])[^/]{8,}")
# Behind these words stands something that opens something.
_BEFORE_SECRETS = frozenset({"rendezvous", "registration_tokens", "authorize", "reset", "confirm", "verify", "link"})
_NAMES = frozenset({"decide", "end", "new"})  # what may stand there all the same
_SAFE = "/:@=+~,;!$&'()*[]"


@lru_cache(maxsize=1024)
def shown(path: str) -> str:
    """The path for a line of the log: ASCII, and of bounded length."""
    cut = path[:_LONGEST_PATH]
    segments = cut.split("/")
    is_plain = _PLAIN.fullmatch(cut) and not _TOKEN.search(cut) and not _RANDOM.search(cut)
    if is_plain and _BEFORE_SECRETS.isdisjoint(segments):
        return cut if cut == path else f"{cut}..."
    is_file = path.startswith("/static/")
    masked = [
        _segment(segment, segments[place - 1] if place else "", is_file=is_file)
        for place, segment in enumerate(segments)
    ]
    text = quote("/".join(masked), safe=_SAFE, errors="replace")
    return text if cut == path else f"{text}..."


def _segment(segment: str, before: str, *, is_file: bool) -> str:
    if not segment or segment in _NAMES:
        return segment
    if before in _BEFORE_SECRETS or _TOKEN.search(segment):
        return _mask(segment, kept=0)
    if _PUBLIC.fullmatch(segment) or (is_file and _FILE.fullmatch(segment)):
        return segment
    if len(segment) <= _LONGEST_SEGMENT and not _RANDOM.fullmatch(segment):
        return segment
    return _mask(segment, kept=_KEPT)


def _mask(segment: str, *, kept: int) -> str:
    return f"{segment[:kept]}...({len(segment)})"
