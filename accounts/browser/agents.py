"""Programs in words: "Firefox on Linux" from what a browser calls itself. For people to read, never to decide on."""

import re

_BROWSERS = (
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Opera", r"\b(OPR|Opera)/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Vivaldi", r"\bVivaldi/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chromium", r"\bChromium/"),
    ("Chrome", r"\b(Headless)?(Chrome|CriOS)/"),
    ("Safari", r"\bVersion/.*\bSafari/"),
)
_SYSTEMS = (
    ("iPad", r"\biPad\b"),
    ("iPhone", r"\biPhone\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("Linux", r"\bLinux\b"),
)


def in_words(user_agent: str) -> str:
    """What is known of the program, "" when nothing is."""
    sent = user_agent[:512]
    browser = next((name for name, pattern in _BROWSERS if re.search(pattern, sent)), "")
    system = next((name for name, pattern in _SYSTEMS if re.search(pattern, sent)), "")
    return f"{browser} on {system}" if browser and system else browser or system
