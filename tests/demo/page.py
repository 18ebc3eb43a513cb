"""docs/five-doors.md out of a transcript, and what of it stays the same from one run to the next."""

import re
import textwrap

_INTRODUCTION = (
    "Alice opens her account by a password, a mailed code, a Session key, an OpenPGP key and a QR code. Each part "
    "below ends with `GET /api/me`, which says whose account the token of that door opens: it is the same one every "
    "time.",
    "`make demo` makes this transcript against a server of its own, with programs written from the specifications; "
    "here it stands behind a proxy for `https://id.example.org`. A line after `>` goes to the server, one after `<` "
    "comes back, and what people see and do stands in brackets. What is random is cut to its beginning. "
    "`make demo DOOR=laverna` (or `session`, `matrix`, `code`, `device`, `all`) shows one door at length: wrong "
    "passwords, thieves, bans.",
    "What else each door does: [Matrix](matrix.md), [codes by e-mail](otp.md), [Session](session.md), "
    "[Laverna](laverna.md), [OAuth and device codes](oauth.md), [QR codes](qr-login.md), "
    "[the account page](pages.md).",
)
_TEXTS = {
    "First door": "The account is made by a Matrix client. It could as well be made on the sign-up page, or by an "
    "administrator.",
    "At https": "Each key and address is proved before it counts. The Session app had logged in before, and so had an "
    "account of its own: it had nothing but the key, so the key moves and that account is closed.",
    "Second door": "A page signs her in with her password and a code; the token that it keeps spares her the mail "
    "from then on.",
    "Third door": "Her app is known by its key alone. What it decrypts is the token, and sending that back makes it "
    "active.",
    "Fourth door": "The name and a signature made just now. The token opens a signaling socket, over which her "
    "devices find each other.",
    "Fifth door": "Two devices, one slot of 4 KiB that both read and write, and a channel that the server cannot look "
    "into. What they agree on by it is a device code (RFC 8628), which she allows in a browser.",
    "One account": "All of it stands on her account page, and can be signed out there.",
}


def of(transcript: str) -> str:
    """The page."""
    parts = [part.partition("\n") for part in transcript.strip().removeprefix("== ").split("\n== ")]
    shown = [f"## {title}\n\n{_filled(_text(title))}\n\n```text\n{lines.strip()}\n```" for title, _, lines in parts]
    return "\n\n".join(["# Five ways in, one account", *map(_filled, _INTRODUCTION), *shown]) + "\n"


def shape(page: str) -> str:
    """What does not change: no random beginnings, codes, ids and numbers."""
    same = re.sub(r"[A-Za-z0-9_+=%/-]{1,8}…", "…", page)
    same = re.sub(r"\b[A-Z]{4}-[A-Z]{4}\b", "CODE", same)
    same = re.sub(r"\b[A-Z]{10}\b", "DEVICE", same)
    return re.sub(r"\d+", "0", same)


def _filled(text: str) -> str:
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


def _text(title: str) -> str:
    [text] = [text for beginning, text in _TEXTS.items() if title.startswith(beginning)]
    return text
