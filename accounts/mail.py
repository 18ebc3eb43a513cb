"""The mail queue: a row in the caller's transaction, sent after the answer, kept until it is gone (R12, R59).

Delivery is at least once: a process that dies between sending and deleting leaves a row that is sent again, under the
same Message-ID. Two processes never send one row at the same time: each try claims it by one conditional UPDATE.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Min, QuerySet

from accounts import audit, clock, inserts, mail_content, patterns
from accounts.models import QueuedMail

_log = logging.getLogger("latchkey.mail")
_LIFETIME = 3 * 86_400.0  # seconds a mail without an end of its own is tried
_CLAIM = 120.0  # seconds a try has; a server that dawdles at every step of SMTP takes about as long
_FIRST_WAIT, _LONGEST_WAIT = 10.0, 3_600.0  # seconds between tries

queued = threading.Event()  # set whenever this process has committed a mail


def send(template: str, *, to: str, facts: Mapping[str, Any], lifetime: float | None = None) -> None:
    """Queues a mail in the caller's transaction; nothing is sent when that rolls back.

    `lifetime`: seconds after which the mail is no use any more (three days by default); when given, the fact `hours`
    says it in words. Facts also hold `site` and `public_url`. FIELD_INVALID when `to` is no address.
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
        expires_at=clock.after(_LIFETIME if lifetime is None else lifetime, moment),
    )
    with transaction.atomic(savepoint=False):
        inserts.insert(mail)
        transaction.on_commit(queued.set)


def is_due() -> bool:
    """Whether a mail waits that may be tried now; one indexed look-up."""
    return QueuedMail.objects.filter(due_at__lte=clock.now()).exists()


def oldest_due_age() -> float:
    """Seconds since the oldest mail that still waits was queued, 0.0 when none waits (R63).

    Counted from the queueing, not from the next try: a server that refuses every mail shows.
    """
    oldest = QueuedMail.objects.aggregate(oldest=Min("created_at"))["oldest"]
    return max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0


def deliver_due(*, most: int = 20) -> int:
    """Sends up to `most` due mails over one connection; answers how many went. Outside any transaction.

    A connection that cannot be opened ends the batch: the next mail would wait for it in vain too.
    """
    sent = 0
    connection = get_connection()
    try:
        for mail in _claimed(most):
            try:
                connection.open()
            except Exception as error:  # every backend has its own exceptions
                _put_back(mail, error)
                break
            sent += _send(mail, connection)
    finally:
        _close(connection)
    return sent


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


def _claimed(most: int) -> Iterator[QueuedMail]:
    """Due mails, each claimed at the moment it is handed out."""
    due = QueuedMail.objects.filter(due_at__lte=clock.now()).order_by("due_at")
    for mail in list(due[:most]):
        moment = clock.now()
        if mail.expires_at and mail.expires_at <= moment:
            _lose(mail)
            continue
        unclaimed = QueuedMail.objects.filter(pk=mail.pk, tries=mail.tries, due_at__lte=moment)
        if unclaimed.update(tries=mail.tries + 1, due_at=clock.after(_CLAIM, moment)):
            mail.tries += 1
            yield mail


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
