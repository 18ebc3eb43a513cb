"""What a client says of itself: browser and operating system, compared and shown (websocket-otp.md §2, §3). Pure.

Historic clients send `navigator.userAgent` and `navigator.appVersion`, which change with every update.
"""

import re

# In this order: each product also names those behind it.
_BROWSERS = (
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Opera", r"\bOPR/|\bOpera\b"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)\b"),
    ("Chrome", r"\b(Chrome|Chromium|CriOS)\b"),
    ("Safari", r"\bSafari\b"),
)
_SYSTEMS = (
    ("Android", r"\bAndroid\b"),
    ("iOS", r"\b(iPhone|iPad|iPod)\b"),
    ("Windows", r"\bWin(dows|32|64)\b"),
    ("macOS", r"\b(Macintosh|Mac OS X|macOS)\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"\b(Linux|X11)\b"),
)
_MOST_SHOWN = 60  # characters
_NOT_SHOWN = re.compile(r"[^\w ()+-]+|\d{4,}")


def is_same(said: tuple[str, str], known: tuple[str, str], *, families: bool) -> bool:
    """Whether (browser, os) are equal: exactly as sent, or by family where one is known."""
    if not families:
        return said == known
    return (browser(said[0]), system(said[1])) == (browser(known[0]), system(known[1]))


def browser(text: str) -> str:
    """The family of a user agent; the text itself when it names none."""
    return _family(text, _BROWSERS) or text


def system(text: str) -> str:
    """The family of an operating system; the text itself when it names none."""
    return _family(text, _SYSTEMS) or text


def shown(said: tuple[str, str]) -> str:
    """Both for people, such as "Firefox on Linux".

    A stranger chooses these texts: what is no known family is stripped of everything that could make a link, a line
    or a second code in a mail.
    """
    name = _family(said[0], _BROWSERS) or _plain(said[0]) or "an unknown browser"
    where = _family(said[1], _SYSTEMS) or _family(said[0], _SYSTEMS) or _plain(said[1]) or "an unknown system"
    return f"{name} on {where}"


def without_codes(text: str) -> str:
    """The text with no run of digits that could be taken for a code."""
    return re.sub(r"\d{4,}", "…", text)


def _family(text: str, families: tuple[tuple[str, str], ...]) -> str:
    return next((name for name, pattern in families if re.search(pattern, text)), "")


def _plain(text: str) -> str:
    kept = _NOT_SHOWN.sub(" ", text[: 4 * _MOST_SHOWN])
    return " ".join("".join(char if char.isprintable() else " " for char in kept).split())[:_MOST_SHOWN].strip()
