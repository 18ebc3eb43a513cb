"""The mails that wait in the queue, opened."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from accounts import mail_content
from accounts.models import QueuedMail


@dataclass
class Mail:
    to: str
    template: str
    text: str

    @property
    def link(self) -> str:
        """The link, without scheme and host."""
        (url,) = re.findall(r"https?://\S+/submit_token\?\S+", self.text)
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}"

    @property
    def values(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.link).query))


def queued() -> list[Mail]:
    rows = QueuedMail.objects.order_by("pk")
    return [Mail(row.recipient, row.template, mail_content.unsealed(row.sealed).text) for row in rows]


def last() -> Mail:
    return queued()[-1]
