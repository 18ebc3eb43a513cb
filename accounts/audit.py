"""The audit log: what happened, to whom, from where, how it ended (R50). Never a secret.

Losing an audit row must fail an administrator's action (`record_or_fail`), but never a login (`record`).
"""

import contextvars
import logging
from typing import Any

from django.db import Error, transaction

from accounts import clock, inserts
from accounts.models import AuditEvent, User

Actor = User | str | None
_log = logging.getLogger("latchkey.audit")
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
request_ip: contextvars.ContextVar[str] = contextvars.ContextVar("request_ip", default="")

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
    try:
        with transaction.atomic():
            inserts.insert(_event(event, outcome, reason, flow, actor, subject, ip, facts))
    except Error:
        _log.exception("audit event lost: %s %s", event, outcome)


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
    _event(event, SUCCESS, "", flow, actor or "command", subject, ip, facts).save(force_insert=True)


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
    return AuditEvent(
        at=clock.now(),
        event=event,
        outcome=outcome,
        reason=reason[:64],
        flow=flow,
        actor=str(actor or "")[:255],
        subject=subject[:320],
        ip=ip or request_ip.get() or None,
        request_id=request_id.get()[:32],
        facts=facts or {},
    )
