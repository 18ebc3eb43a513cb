"""The mail queue: a row in the caller's transaction, sent after the answer, kept until it is gone (R12, R59).

Delivery is at least once: a process that dies between sending and deleting leaves a row that is sent again, under the
same Message-ID. Two processes never send one row at the same time: each try claims it by one conditional UPDATE.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Min, QuerySet

from accounts import audit, clock, inserts, mail_content, patterns
from accounts.models import QueuedMail

_log = logging.getLogger("latchkey.mail")
_CLAIM = 120.0  # seconds a try has; a server that dawdles at every step of SMTP takes about as long
_FIRST_WAIT, _LONGEST_WAIT = 10.0, 3_600.0  # seconds between tries
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds until a server that could not be reached is asked again

queued = threading.Event()  # set whenever this process has committed a mail
_pause = 0.0  # of a server that cannot be reached, for all mails of this process
_asked_again_at = 0.0  # of the monotonic clock


def send(template: str, *, to: str, facts: Mapping[str, Any], lifetime: float | None = None) -> None:
    """Queues a mail in the caller's transaction; nothing is sent when that rolls back.

    `lifetime`: seconds after which the mail is no use any more (`MAIL_LIFETIME` by default); when given, the fact
    `hours` says it in words. Facts also hold `site` and `public_url`. FIELD_INVALID when `to` is no address.
    """
    patterns.email_address(to)
    if lifetime is not None:
        facts = {"hours": mail_content.in_words(lifetime), **facts}
    moment = clock.now()
    mail = QueuedMail(
        recipient=to,
        template=template,
        sealed=mail_content.sealed(mail_content.rendered(template, facts)),
        created_at=moment,
        due_at=moment,
        expires_at=clock.after(settings.MAIL_LIFETIME if lifetime is None else lifetime, moment),
    )
    with transaction.atomic(savepoint=False):
        inserts.insert(mail)
        transaction.on_commit(queued.set)


def is_due() -> bool:
    """Whether a mail waits that may be tried now; one indexed look-up. Not while the server cannot be reached."""
    return time.monotonic() >= _asked_again_at and QueuedMail.objects.filter(due_at__lte=clock.now()).exists()


def oldest_due_age() -> float:
    """Seconds since the oldest mail that still waits was queued, 0.0 when none waits (R63).

    Counted from the queueing, not from the next try: a server that refuses every mail shows.
    """
    oldest = QueuedMail.objects.aggregate(oldest=Min("created_at"))["oldest"]
    return max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0


def deliver_due(*, most: int = 20) -> int:
    """Sends up to `most` due mails over one connection, the oldest first; answers how many went. Outside any
    transaction.

    A server that cannot be reached is no mail's fault: none waits longer for it, and when it is back all go at once.
    """
    sent = 0
    connection = get_connection()
    try:
        for mail in _due(most):
            try:
                connection.open()
            except Exception as error:  # every backend has its own exceptions
                _cannot_be_reached(mail, error)
                break
            _reached()
            if _claim(mail):
                sent += _send(mail, connection)
    finally:
        _close(connection)
    return sent


def forget() -> None:
    """A server that could not be reached is asked again at once."""
    _reached()


def hasten(mails: QuerySet[QueuedMail]) -> int:
    """Makes waiting mails due now; answers how many.

    One at its first try is left alone. At a later try that cannot be told from waiting: it may then go out twice,
    under one Message-ID.
    """
    moment = clock.now()
    with transaction.atomic():
        waiting = QueuedMail.objects.filter(pk__in=mails.values("pk"), due_at__gt=moment).exclude(last_error="")
        count = waiting.update(due_at=moment)
        transaction.on_commit(queued.set)
    return count


def drop(mails: QuerySet[QueuedMail], *, actor: audit.Actor = None) -> int:
    """Gives mails up for good, each with an audit event; answers how many."""
    with transaction.atomic():
        chosen = list(mails.defer("sealed").select_for_update())
        for mail in chosen:
            facts = {"template": mail.template, "tries": mail.tries, "last_error": mail.last_error}
            audit.record_or_fail("mail-dropped", actor=actor, subject=mail.recipient, facts=facts)
        QueuedMail.objects.filter(pk__in=[mail.pk for mail in chosen]).delete()
    return len(chosen)


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of mails whose end has come, each with an audit event; answers how many."""
    moment = clock.now()
    expired = list(QueuedMail.objects.filter(expires_at__lte=moment, due_at__lte=moment)[:batch])
    return sum(_lose(mail) for mail in expired)


def _due(most: int) -> Iterator[QueuedMail]:
    """Mails that may be tried; those whose end has come are lost instead."""
    moment = clock.now()
    for mail in list(QueuedMail.objects.filter(due_at__lte=moment).order_by("pk")[:most]):
        if mail.expires_at and mail.expires_at <= clock.now():
            _lose(mail)
        else:
            yield mail


def _claim(mail: QueuedMail) -> bool:
    """Makes a try this process' own."""
    moment = clock.now()
    unclaimed = QueuedMail.objects.filter(pk=mail.pk, tries=mail.tries, due_at__lte=moment)
    is_mine = bool(unclaimed.update(tries=mail.tries + 1, due_at=clock.after(_CLAIM, moment)))
    mail.tries += is_mine
    return is_mine


def _cannot_be_reached(mail: QueuedMail, error: Exception) -> None:
    """Notes the try with the mail that was to be the first."""
    global _pause, _asked_again_at
    name = type(error).__name__
    if not _pause:
        _log.warning("the mail server cannot be reached: %s", name)
    _pause = min(max(_FIRST_PAUSE, 2 * _pause), _LONGEST_PAUSE)
    _asked_again_at = time.monotonic() + _pause
    QueuedMail.objects.filter(pk=mail.pk, tries=mail.tries).update(tries=mail.tries + 1, last_error=name[:200])


def _reached() -> None:
    global _pause, _asked_again_at
    if _pause:
        _log.warning("the mail server can be reached again")
    _pause = _asked_again_at = 0.0


def _send(mail: QueuedMail, connection: BaseEmailBackend) -> bool:
    try:
        if connection.send_messages([_message(mail)]) == 0:
            raise ConnectionError("the backend sent nothing")
    except Exception as error:  # every backend has its own exceptions; one bad mail must not hold up the others
        _put_back(mail, error)
        _close(connection)  # what a failed dialogue leaves behind is no use to the next mail
        return False
    QueuedMail.objects.filter(pk=mail.pk).delete()
    return True


def _message(mail: QueuedMail) -> EmailMultiAlternatives:
    content = mail_content.unsealed(mail.sealed)
    message = EmailMultiAlternatives(
        content.subject,
        content.text,
        to=[mail.recipient],
        headers={"Message-ID": content.message_id, "Auto-Submitted": "auto-generated"},  # RFC 3834: no auto-replies
    )
    if content.html:
        message.attach_alternative(content.html, "text/html")
    return message


def _put_back(mail: QueuedMail, error: Exception) -> None:
    """Waits longer after each failure, but not beyond the mail's end. Only the error's class is kept (R51)."""
    name = type(error).__name__
    _log.warning("mail %d (%s) was not sent at try %d: %s", mail.pk, mail.template, mail.tries, name)
    next_try = clock.after(min(_FIRST_WAIT * 2 ** min(mail.tries - 1, 16), _LONGEST_WAIT))
    QueuedMail.objects.filter(pk=mail.pk, tries=mail.tries).update(
        due_at=min(next_try, mail.expires_at) if mail.expires_at else next_try, last_error=name[:200]
    )


def _lose(mail: QueuedMail) -> bool:
    with transaction.atomic():
        lost, _ = QueuedMail.objects.filter(pk=mail.pk, tries=mail.tries).delete()
        if lost:
            facts = {"template": mail.template, "tries": mail.tries, "last_error": mail.last_error}
            audit.record("mail-lost", outcome=audit.REFUSED, reason="expired", subject=mail.recipient, facts=facts)
    return bool(lost)


def _close(connection: BaseEmailBackend) -> None:
    with contextlib.suppress(
        Exception
    ):  # saying good-bye to a server that is gone fails; the mail went or was put back
        connection.close()
