"""What a mail says: rendered from templates that an operator may replace, sealed while it waits (docs/mail.md).

A mail may hold a link that opens something, so nothing of it stands in the database in clear (R7).
"""

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.template import Context, Engine, TemplateDoesNotExist, engines
from django.template.backends.django import DjangoTemplates
from django.template.utils import get_app_template_dirs

from accounts import sealing

_log = logging.getLogger("latchkey.mail")
LABEL = "queued mail"
_MOST_SUBJECT = 200  # characters


@dataclass(frozen=True, slots=True)
class Content:
    """A mail without its recipient. `message_id` stays the same at every try, so a mailbox can drop a second copy."""

    message_id: str
    subject: str
    text: str
    html: str = ""


def rendered(template: str, facts: Mapping[str, Any]) -> Content:
    """`mail/TEMPLATE.subject.txt`, `mail/TEMPLATE.txt` and, where an operator made one, `mail/TEMPLATE.html`.

    Facts of text become one line each: a device's name must not write paragraphs into somebody's mail.
    """
    lines = {name: one_line(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
    lines |= {"site": settings.PUBLIC_HOST, "public_url": settings.PUBLIC_URL}
    return Content(
        message_id=f"<{secrets.token_hex(16)}@{settings.PUBLIC_HOST}>",
        subject=one_line(_text(f"mail/{template}.subject.txt", lines))[:_MOST_SUBJECT],
        text=_text(f"mail/{template}.txt", lines).strip() + "\n",
        html=_html(f"mail/{template}.html", lines),
    )


def one_line(text: str) -> str:
    """The text with every run of white space and control characters as one space: nothing can end a header."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def in_words(seconds: float) -> str:
    """A duration as people say it, in the largest unit that fits: "1 hour", "90 minutes", "2 days"."""
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60))
    rough = ("minute", 60) if seconds >= 60 else ("second", 1)
    unit, size = next(((unit, size) for unit, size in units if seconds >= size and seconds % size == 0), rough)
    count = int(seconds // size)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def sealed(content: Content) -> bytes:
    """Encrypted under a key made from SECRET_KEY."""
    return sealing.seal(json.dumps(asdict(content)), label=LABEL).encode()


def unsealed(data: bytes | memoryview) -> Content:
    """Undoes `sealed`, also under SECRET_KEY_FALLBACKS; InvalidToken when none of the keys sealed it."""
    return Content(**json.loads(sealing.unseal(bytes(data).decode("ascii", "replace"), label=LABEL)))


def _text(name: str, facts: Mapping[str, Any]) -> str:
    try:
        return _render(_operators(), name, facts, autoescape=False)
    except Exception as error:  # an operator's file may fail in any way; the mail goes out all the same
        _log.warning("%s of the operator cannot be used (%s): taking the shipped one", name, type(error).__name__)
    return _render(_shipped(), name, facts, autoescape=False)


def _html(name: str, facts: Mapping[str, Any]) -> str:
    try:
        return _render(_operators(), name, facts, autoescape=True)
    except Exception as error:  # likewise: the plain text says it all
        if not (isinstance(error, TemplateDoesNotExist) and str(error) == name):
            _log.warning("%s of the operator cannot be used (%s): left out", name, type(error).__name__)
    return ""


def _render(engine: Engine, name: str, facts: Mapping[str, Any], *, autoescape: bool) -> str:
    return str(engine.get_template(name).render(Context(dict(facts), autoescape=autoescape)))


def _operators() -> Engine:
    """The engine of all pages: the operator's templates first."""
    backend = engines["django"]
    assert isinstance(backend, DjangoTemplates)
    return backend.engine


@cache
def _shipped() -> Engine:
    folders = [str(folder) for folder in get_app_template_dirs("templates")]
    return Engine(dirs=folders, libraries={"i18n": "django.templatetags.i18n"})
