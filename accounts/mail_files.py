"""The default mail backend: one file a mail, for its owner only. Mails hold links that open accounts (R7).

Django's own writes a whole batch into one file and leaves the mode to the umask.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from accounts import clock

_WRITTEN = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{8}\.log")


class EmailBackend(BaseEmailBackend):
    """Writes into the folder EMAIL_FILE_PATH, which it makes with mode 0700."""

    def __init__(self, *args: Any, file_path: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._folder = Path(file_path or getattr(settings, "EMAIL_FILE_PATH", "") or settings.VAR_DIR / "mail")

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Each message into a new file of mode 0600; names sort by time."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            self._write(message.message().as_bytes())
        return len(email_messages)

    def _write(self, data: bytes) -> None:
        """Under another name first: whoever reads the folder sees whole mails only."""
        name = f"{clock.now():%Y%m%d-%H%M%S-%f}-{secrets.token_hex(4)}.log"
        draft = self._folder / f".{name}.part"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(data + b"\n")
            draft.rename(self._folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


def purge(folder: Path, before: datetime, *, most: int) -> int:
    """Deletes at most so many mails that were written before a moment; answers how many. No other file is touched."""
    end = f"{before:%Y%m%d-%H%M%S-%f}"  # names sort by time
    old = sorted(file for file in folder.glob("*.log") if _WRITTEN.fullmatch(file.name) and file.name < end)[:most]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)
