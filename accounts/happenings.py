"""What administrators may want to hear of, written in the transaction in which it happens; `deliveries` carries it.

Most come by themselves from the audit log (`audit.record` calls `note`); what is nobody's act, such as mail that is
stuck, is told by `tell`.
"""

import threading
from typing import Any

from django.db import transaction

from accounts import clock, event_kinds, inserts
from accounts.models import AuditEvent, Happening

queued = threading.Event()  # set whenever this process has committed an event


def note(event: AuditEvent) -> None:
    """Takes up an audit event that is just being written, if it is of a kind."""
    kind = event_kinds.of_audit(event)
    if kind is None:
        return
    facts = {**event.facts, "event": event.event}
    facts |= {name: value for name, value in (("reason", event.reason), ("door", event.flow)) if value}
    _write(
        Happening(
            kind=kind.name,
            severity=kind.severity,
            at=event.at,
            subject=event.subject,
            actor=event.actor,
            ip=event.ip,
            facts=facts,
        )
    )


def tell(kind: str, *, subject: str = "", facts: dict[str, Any] | None = None) -> None:
    """Something that happened by itself, in the caller's transaction."""
    found = event_kinds.ALL[kind]
    _write(
        Happening(
            kind=found.name,
            severity=found.severity,
            at=clock.now(),
            subject=subject[:320],
            actor="latchkey",
            facts=facts or {},
        )
    )


def _write(happening: Happening) -> None:
    inserts.insert(happening)
    transaction.on_commit(queued.set)
