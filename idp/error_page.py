"""The HTML page of an error: made once per status, without Django, so that the servers can send it too."""

from functools import cache
from pathlib import Path

_WORDS = {
    400: ("This request cannot be read", "Something in the address or the form is not as it should be."),
    403: (
        "Not allowed",
        "You may not open this page, or the form was open for too long: go back and try again.",
    ),
    404: ("There is no such page", "Check the address, or start from the front page."),
    405: ("This page cannot be used that way", "Start again from the front page."),
    408: ("That took too long", "The request did not arrive in time. Please try again."),
    413: ("That is too large", "The form or file is larger than this server accepts."),
    414: ("That address is too long", "Start again from the front page."),
    429: ("Too many requests", "Please wait a moment and try again."),
    500: ("Something went wrong here", "The fault is ours; it has been written down. Please try again."),
    503: ("Busy", "The server cannot answer just now. Please try again in a moment."),
}
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@cache
def render(status: int) -> bytes:
    """The page for a status."""
    title, words = _WORDS.get(status, _WORDS[400])
    template = (Path(__file__).parent / "templates" / "error.html").read_text()
    page = template.replace("{{ status }}", str(status)).replace("{{ title }}", title).replace("{{ words }}", words)
    return page.encode()
