"""Django's session rows under a digest of the cookie: nothing in the database can be presented (R7)."""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from accounts import clock

SIGNED_IN = "browser"  # where the secret of a signed-in browser is kept
_VISITOR_SECONDS = 3600  # a session of nobody yet: long enough for a mail to arrive


class SessionStore(DatabaseStore):
    """The engine of `SESSION_ENGINE`. Only its synchronous half is used: pages run in threads."""

    def _get_session_from_db(self) -> Any:
        asked: Any = DatabaseStore(_digest(self.session_key or ""))
        row = asked._get_session_from_db()
        if row is not None and row.expire_date <= clock.now():  # Django asks a clock that may step back
            row = None
        if row is None:
            self._session_key = None  # a cookie that nobody was given is not taken up
        return row

    def exists(self, session_key: str) -> bool:
        """Whether a session with this cookie is stored."""
        return bool(super().exists(_digest(session_key)))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row to save, keyed by the digest."""
        row = super().create_model_instance(data)
        row.session_key = _digest(row.session_key)
        return row

    def get_expiry_date(self, **kwargs: Any) -> Any:
        """By the one clock."""
        return super().get_expiry_date(**({"modification": clock.now()} | kwargs))

    def delete(self, session_key: str | None = None) -> None:
        """Forgets the session; nothing when there is none."""
        key = self.session_key if session_key is None else session_key
        if key is not None:
            super().delete(_digest(key))


class BrowserStore(SessionStore):
    """The session of people's pages: it lives as long as the sign-in it holds, a visitor's an hour."""

    def get_session_cookie_age(self) -> int:
        """Seconds from now."""
        idle: int = settings.BROWSER_IDLE
        return idle if SIGNED_IN in self else _VISITOR_SECONDS


def _digest(session_key: str) -> str:
    """160 bits in 40 characters, which is what the column holds."""
    text = session_key.encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=20, person=b"latchkey cookie").hexdigest()
