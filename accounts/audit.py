"""The audit log: what happened, to whom, from where, how it ended (R50). Never a secret.

Losing an audit row must fail an administrator's action (`record_or_fail`), but never a login (`record`).
"""

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import Error, connection, transaction

from accounts import clock, failures, figures, happenings, inserts, visits
from accounts.models import AuditEvent, User

Actor = User | str | None
_log = logging.getLogger("latchkey.audit")

SUCCESS, REFUSED = AuditEvent.Outcome.SUCCESS, AuditEvent.Outcome.REFUSED


def record(
    event: str,
    *,
    outcome: str = SUCCESS,
    reason: str = "",
    flow: str = "",
    actor: Actor = None,
    subject: str = "",
    ip: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    """Writes one event; a database that refuses it is logged and the caller goes on."""
    made = _event(event, outcome, reason, flow, actor, subject, ip, facts)
    if outcome == REFUSED:
        failures.note(made)
    try:
        with _apart():
            inserts.insert(made)
            happenings.note(made)
    except Error:
        if _took_all_with_it():
            raise
        _log.exception("audit event lost: %s %s", event, outcome)


def _apart() -> AbstractContextManager[Any]:
    """Keeps a failure out of the caller's transaction: by a savepoint where one failed statement ends all of it. SQLite
    undoes that statement alone, and every login would pay for the savepoint."""
    is_needed = connection.in_atomic_block and connection.vendor != "sqlite"
    return transaction.atomic() if is_needed else nullcontext()


def _took_all_with_it() -> bool:
    """Whether the caller's transaction is undone too: by SQLite when the disk is full, by a connection that has ended.

    Then going on would end in a rollback that nobody hears of, and in an answer that acknowledges what is not there.
    """
    if not connection.in_atomic_block:
        return False
    is_sqlite = connection.vendor == "sqlite" and connection.connection is not None
    return connection.needs_rollback or (is_sqlite and not connection.connection.in_transaction)


def record_or_fail(
    event: str,
    *,
    actor: Actor,
    subject: str = "",
    ip: str = "",
    flow: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    """Writes one event of an administrator; a failure is the caller's failure."""
    made = _event(event, SUCCESS, "", flow, actor or "command", subject, ip, facts)
    made.save(force_insert=True)
    happenings.note(made)


def purge(retention: float, *, batch: int = 1000) -> int:
    """Deletes one batch of events older than `retention` seconds; answers how many."""
    ids = list(AuditEvent.objects.filter(at__lt=clock.after(-retention)).values_list("pk", flat=True)[:batch])
    AuditEvent.objects.filter(pk__in=ids).delete()
    return len(ids)


def _event(
    event: str,
    outcome: str,
    reason: str,
    flow: str,
    actor: Actor,
    subject: str,
    ip: str,
    facts: dict[str, Any] | None,
) -> AuditEvent:
    figures.event(event, flow, outcome, reason)
    visit = visits.current.get()
    return AuditEvent(
        at=clock.now(),
        event=event,
        outcome=outcome,
        reason=reason[:64],
        flow=flow,
        actor=str(actor or "")[:255],
        subject=subject[:320],
        ip=ip or (visit.ip if visit else "") or None,
        request_id=visit.id[:32] if visit else "",
        facts=facts or {},
    )
