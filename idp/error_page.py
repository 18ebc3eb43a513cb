"""The HTML page of an error: made once per status and language, without Django, so that the servers can send it too."""

from functools import cache
from pathlib import Path

_WORDS = {
    "en": {
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
    },
    "de": {
        400: ("Diese Anfrage ist nicht lesbar", "Etwas an der Adresse oder am Formular stimmt nicht."),
        403: (
            "Nicht erlaubt",
            "Sie dürfen diese Seite nicht öffnen, oder das Formular war zu lange offen: Gehen Sie zurück und "
            "versuchen Sie es noch einmal.",
        ),
        404: ("Diese Seite gibt es nicht", "Prüfen Sie die Adresse, oder beginnen Sie auf der Startseite."),
        405: ("So lässt sich diese Seite nicht benutzen", "Beginnen Sie noch einmal auf der Startseite."),
        408: ("Das hat zu lange gedauert", "Die Anfrage kam nicht rechtzeitig an. Bitte versuchen Sie es noch einmal."),
        413: ("Das ist zu groß", "Das Formular oder die Datei ist größer, als dieser Server annimmt."),
        414: ("Diese Adresse ist zu lang", "Beginnen Sie noch einmal auf der Startseite."),
        429: ("Zu viele Anfragen", "Bitte warten Sie einen Augenblick und versuchen Sie es noch einmal."),
        500: (
            "Hier ist etwas schiefgegangen",
            "Der Fehler liegt bei uns und ist festgehalten. Bitte versuchen Sie es noch einmal.",
        ),
        503: (
            "Gerade überlastet",
            "Der Server kann im Augenblick nicht antworten. Bitte versuchen Sie es gleich noch einmal.",
        ),
    },
}
_HOME = {"en": "To the front page", "de": "Zur Startseite"}
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@cache
def render(status: int, language: str = "en") -> bytes:
    """The page for a status in one of the languages of `preferred`."""
    words = _WORDS[language]
    title, text = words.get(status, words[400])
    page = (Path(__file__).parent / "templates" / "error.html").read_text()
    blanks = {"language": language, "status": str(status), "title": title, "words": text, "home": _HOME[language]}
    for name, filling in blanks.items():
        page = page.replace("{{ " + name + " }}", filling)
    return page.encode()


def preferred(accepted: str) -> str:
    """The language of ours that an `Accept-Language` weighs most; English where it names none."""
    best, most = "en", 0.0
    for part in accepted[:500].split(","):
        tag, _, parameter = part.partition(";")
        language, weight = tag.strip().lower().partition("-")[0], _weight(parameter)
        if language in _WORDS and weight > most:
            best, most = language, weight
    return best


def _weight(parameter: str) -> float:
    """Of "q=0.5"; 1 for none, 0 for what cannot be read."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name == "q" else 0.0
    except ValueError:
        return 0.0
