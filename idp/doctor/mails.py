"""Mail: the server takes our greeting, and nothing waits for long. Nothing is sent, unless an address is given."""

import os
import tempfile
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from accounts import mail
from accounts.models import QueuedMail
from idp.doctor.findings import Check, Finding, failed, good

_MOST_AGE = 300.0  # seconds a mail may wait before it is a failure
_NOWHERE = ("console", "dummy", "locmem")


def greeting() -> Finding:
    """Connecting, TLS, signing in: everything that comes before a mail."""
    kind = settings.EMAIL_BACKEND.rpartition(".")[0].rpartition(".")[2]
    if kind in _NOWHERE:
        return failed(f"mails go to {kind}, so to nobody", "Set EMAIL_URL, such as smtp+tls://user:password@host:587.")
    if folder := getattr(settings, "EMAIL_FILE_PATH", None):
        return _folder(Path(folder))
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        connection = get_connection()
        connection.open()
        dialogue = getattr(connection, "connection", None)
        code, _ = dialogue.noop() if dialogue is not None else (250, b"")
        connection.close()
    except Exception as error:  # every backend has its own exceptions; their texts may repeat what was sent
        return failed(f"{where}: {_class(error)}", _cure(error))
    if code != 250:
        return failed(f"{where}: it answers {code}", "Ask whoever runs the mail server.")
    return good(f"{where} takes our greeting{_secured()}")


def queue() -> Finding:
    """How long the oldest mail has waited."""
    age = mail.oldest_due_age()
    if age <= _MOST_AGE:
        return good("none waits for long")
    waiting = QueuedMail.objects.exclude(last_error="").order_by("created_at").first()
    why = f": {waiting.last_error}" if waiting else ", and none was tried: is the server running?"
    return failed(
        f"the oldest waits for {age:.0f} s{why}",
        "Mend what the failure names; mails go by themselves, or in the admin.",
    )


def sent(address: str) -> Finding:
    """A mail to this address, at once and past the queue."""
    text = "This is a test of the doctor's. If you can read it, mail goes out.\n"
    try:
        count = EmailMessage(f"Test from {settings.PUBLIC_HOST}", text, to=[address]).send()
    except Exception as error:  # as above
        return failed(_class(error), _cure(error))
    if not count:
        return failed("the backend sent nothing", "Check EMAIL_URL.")
    return good(f"handed over for {address}: look whether it arrives, and not as spam (SPF, DKIM for EMAIL_FROM)")


def to_address(address: str) -> Check:
    """The check of `doctor --mail ADDRESS`."""
    return Check("mail-sent", "a mail goes out", partial(sent, address))


def _folder(folder: Path) -> Finding:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        return failed(f"{folder}: {error.strerror}", "Let the server's user write there, or set EMAIL_URL.")
    return good(f"not sent, but written to {folder} (set EMAIL_URL to send them)")


def _secured() -> str:
    return " over TLS" if settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL else ", without TLS"


def _class(error: Exception) -> str:
    """What failed, without what a server or a library says about it: that may hold our password."""
    code = getattr(error, "smtp_code", None) or getattr(error, "errno", None)
    words = os.strerror(code) if isinstance(error, OSError) and isinstance(code, int) and code < 200 else code
    return f"{type(error).__name__}{f' ({words})' if words else ''}"


def _cure(error: Exception) -> str:
    name = type(error).__name__
    if "Authentication" in name:
        return "The mail server refuses user or password of EMAIL_URL."
    if "SSL" in name or "Certificate" in name:
        return (
            "Its certificate does not fit: check the host in EMAIL_URL; smtp+ssl:// for port 465, smtp+tls:// for 587."
        )
    if name in {"gaierror", "TimeoutError", "ConnectionRefusedError"}:
        return "Check host and port of EMAIL_URL, and that a firewall lets us out."
    return "Check EMAIL_URL, such as smtp+tls://user:password@host:587."


CHECKS = (
    Check("mail", "the mail server takes our greeting", greeting),
    Check("mail-queue", "mails go out", queue),
)
