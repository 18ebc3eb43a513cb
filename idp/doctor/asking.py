"""How the checks ask the server from outside: under PUBLIC_URL, as a client or a browser would."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts.homeserver import transport
from accounts.homeserver.transport import Answer, NoAnswer
from idp.unsafe import is_loopback

SERVED = "Serve this server under PUBLIC_URL: check DNS, the certificate, the reverse proxy and that it runs."


def ask(method: str, path: str, **more: Any) -> Answer | str:
    """The answer under PUBLIC_URL, or why there is none."""
    return ask_url(method, f"{settings.PUBLIC_URL}{path}", **more)


def ask_url(method: str, url: str, **more: Any) -> Answer | str:
    """The answer of any URL, or why there is none."""
    try:
        return transport.ask(method, url, **more)
    except NoAnswer as failure:
        return f"no answer ({failure})"


def status(answer: Answer | str) -> str:
    """What came back, in a word or two."""
    return answer if isinstance(answer, str) else str(answer.status)


def is_page(answer: Answer) -> bool:
    """Whether it is HTML, as a proxy's own error would be on a path of an API."""
    return answer.headers.get("content-type", "").startswith("text/html")


def header(answer: Answer, name: str) -> str:
    """A header of the answer, "" for none; one that was sent twice shows both values."""
    return answer.headers.get(name, "")


def shown(value: object) -> str:
    """What a stranger said, fit for one line."""
    text = str(value)[:200]
    return "".join(char if char.isprintable() else " " for char in text)


def is_here_alone() -> bool:
    """Whether PUBLIC_URL names this machine to itself, so that there is no outside."""
    return is_loopback(urlsplit(settings.PUBLIC_URL).hostname or "")


def nobody() -> str:
    """A name that no account has, new each time."""
    return f"latchkey-doctor-{secrets.token_hex(8)}"


def socket_url(path: str) -> str:
    """The same place for a websocket."""
    return f"{settings.PUBLIC_URL.replace('http', 'ws', 1)}{path}"


JSON: Mapping[str, str] = {"Content-Type": "application/json", "Accept": "application/json"}
FORM: Mapping[str, str] = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
