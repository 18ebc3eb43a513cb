"""What the queued mails of the pages hold."""

import re
from urllib.parse import urlsplit

from tests.matrix.mails import last, queued

__all__ = ["code", "last", "link", "queued"]


def code() -> str:
    """Of the newest mail."""
    return str(re.findall(r"^ +(\d{6})$", last().text, re.MULTILINE)[0])


def link() -> str:
    """Of the newest mail, without scheme and host."""
    parts = urlsplit(re.findall(r"https?://\S+token=\S+", last().text)[0])
    return f"{parts.path}?{parts.query}"
