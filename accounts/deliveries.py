"""From events to messages, and messages to where they go: durable, at least once, tried again with longer pauses.

An event becomes one delivery for each subscription that wants it. Further events of a kind within EVENT_DIGEST seconds
become one delivery with their number, so a flood is one message a minute. A target that fails is left alone for a
while, so that it does not hold up the others; what cannot be told within EVENT_PATIENCE is given up, and shown.
"""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts import audit, clock, event_kinds, event_words, happenings, mail, sealing, subscriptions, webhooks
from accounts.errors import Refusal
from accounts.models import Delivery, Happening, Subscription

_log = logging.getLogger("latchkey.events")
_FIRST_WAIT, _LONGEST_WAIT = 10.0, 3_600.0  # seconds between tries
_CLAIM = 60.0  # seconds beyond EVENT_TIMEOUT that a try has
_MOST_EVENTS = 20  # told one by one in a message; the others are counted
_MOST_FACTS = 2000  # characters
State = Delivery.State


def spread(*, most: int = 500) -> int:
    """Makes deliveries of events that have none yet; answers how many events there were.

    Events and subscriptions are held: of processes that spread at once, one looks after the other.
    """
    with transaction.atomic():
        events = list(Happening.objects.select_for_update().filter(spread_at=None).order_by("pk")[:most])
        listening = list(subscriptions.listening().select_for_update()) if events else []
        for (kind, severity), group in _of_a_kind(events).items():
            for row in subscriptions.wanting(kind, severity, among=listening):
                _give(row, group)
        Happening.objects.filter(pk__in=[event.pk for event in events]).update(spread_at=clock.now())
    return len(events)


def is_due() -> bool:
    """Whether there is something to spread or to tell now; two indexed look-ups."""
    return Happening.objects.filter(spread_at=None).exists() or _due().exists()


def deliver_due(*, most: int = 10) -> int:
    """Tells up to `most` messages; answers how many went. Outside any transaction."""
    _expire()
    told, failed = 0, set()
    for row in list(_due().order_by("tries", "due_at")[:most]):
        if row.subscription_id not in failed and _claim(row):
            if _tell(row):
                told += 1
            else:
                failed.add(row.subscription_id)
    return told


def test(row: Subscription, *, actor: audit.Actor) -> Delivery:
    """Tells a subscription of a test, now and whatever it wants to hear of; the delivery, with what became of it."""
    who = str(actor or "command")
    event = Happening(kind="test", severity=event_kinds.ALL["test"].severity, at=clock.now(), actor=who, facts={})
    made = _new(row, event, due_at=clock.now())
    if _claim(made):
        _tell(made)
    made.refresh_from_db()
    return made


def again(rows: QuerySet[Delivery]) -> int:
    """Has messages told now, also those that were told or given up; answers how many."""
    moment = clock.now()
    with transaction.atomic():
        chosen = list(rows.values_list("pk", "subscription_id"))
        ids, owners = {pk for pk, _ in chosen}, {owner for _, owner in chosen}
        anew = {"state": State.WAITING, "due_at": moment, "expires_at": clock.after(settings.EVENT_PATIENCE, moment)}
        Subscription.objects.filter(pk__in=owners).update(resumes_at=None)  # before its messages, as everywhere
        Delivery.objects.filter(pk__in=ids).update(**anew, tries=1, last_error="")  # 0 would take up further events
        transaction.on_commit(happenings.queued.set)
    return len(ids)


def drop(rows: QuerySet[Delivery], *, actor: audit.Actor = None) -> int:
    """Gives waiting messages up; answers how many."""
    with transaction.atomic():
        chosen = list(rows.filter(state=State.WAITING).select_for_update(of=("self",)).select_related("subscription"))
        for row in chosen:
            facts = {"kind": row.kind, "tries": row.tries, "last_error": row.last_error}
            audit.record_or_fail("message-dropped", actor=actor, subject=row.subscription.name, facts=facts)
        Delivery.objects.filter(pk__in=[row.pk for row in chosen]).update(state=State.DEAD, last_error="dropped")
    return len(chosen)


def message(row: Delivery) -> dict[str, Any]:
    """What is told, as a webhook's JSON (docs/events.md)."""
    kind = event_kinds.ALL.get(row.kind)
    return {
        "id": row.number,
        "kind": row.kind,
        "severity": row.severity,
        "title": kind.title if kind else row.kind,
        "text": row.events[0]["text"] if row.events else "",
        "site": settings.PUBLIC_URL,
        "count": row.count,
        "first_at": row.first_at.isoformat(),
        "last_at": row.last_at.isoformat(),
        "events": row.events,
    }


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of events and deliveries that are kept long enough; answers how many."""
    before = clock.after(-settings.EVENT_RETENTION)
    over = ~Q(state=State.WAITING) | Q(expires_at__lt=before)  # what waits for a subscription that was switched off
    old = Delivery.objects.filter(over, created_at__lt=before)
    ids = list(old.values_list("pk", flat=True)[:batch])
    Delivery.objects.filter(pk__in=ids).delete()
    events = list(Happening.objects.filter(at__lt=before).values_list("pk", flat=True)[:batch])
    Happening.objects.filter(pk__in=events).delete()
    return len(ids) + len(events)


def _of_a_kind(events: Sequence[Happening]) -> dict[tuple[str, str], list[Happening]]:
    groups: dict[tuple[str, str], list[Happening]] = {}
    for event in events:
        groups.setdefault((event.kind, event.severity), []).append(event)
    return groups


def _give(row: Subscription, events: Sequence[Happening]) -> None:
    """A delivery of these events of a kind, or more in a delivery that nobody has tried yet."""
    same = Delivery.objects.filter(subscription=row, kind=events[0].kind)
    untold = same.filter(state=State.WAITING, tries=0).select_for_update().order_by("-pk").first()
    if untold is not None:
        _fold(untold, events)
        return
    pause = timedelta(seconds=settings.EVENT_DIGEST)
    last = same.filter(created_at__gt=clock.now() - pause).order_by("-created_at").first()
    made = _new(row, events[0], due_at=last.created_at + pause if last else clock.now())
    if events[1:]:
        _fold(made, events[1:])


def _fold(row: Delivery, events: Sequence[Happening]) -> None:
    row.events += [_told(event) for event in events[: _MOST_EVENTS - len(row.events)]]
    row.count += len(events)
    row.last_at = max([row.last_at, *(event.at for event in events)])
    row.save(update_fields=["events", "count", "last_at"])


def _new(row: Subscription, event: Happening, *, due_at: datetime) -> Delivery:
    return Delivery.objects.create(
        subscription=row,
        number=f"msg_{secrets.token_hex(12)}",
        kind=event.kind,
        severity=event.severity,
        events=[_told(event)],
        first_at=event.at,
        last_at=event.at,
        created_at=clock.now(),
        due_at=due_at,
        expires_at=clock.after(settings.EVENT_PATIENCE, due_at),
    )


def _told(event: Happening) -> dict[str, Any]:
    facts = event.facts if len(str(event.facts)) <= _MOST_FACTS else {"event": event.facts.get("event", "")}
    return {
        "at": event.at.isoformat(),
        "text": event_words.sentence(event),
        "subject": event.subject,
        "actor": event.actor,
        "ip": event.ip,
        "facts": facts,
    }


def _due() -> QuerySet[Delivery]:
    moment = clock.now()
    free = Q(subscription__resumes_at=None) | Q(subscription__resumes_at__lte=moment)
    return Delivery.objects.filter(free, state=State.WAITING, due_at__lte=moment, subscription__enabled=True)


def _claim(row: Delivery) -> bool:
    """Whether this process has the try; then the row is read again, because others may have folded into it."""
    unclaimed = Delivery.objects.filter(pk=row.pk, tries=row.tries, state=State.WAITING, due_at__lte=clock.now())
    if not unclaimed.update(tries=F("tries") + 1, due_at=clock.after(_CLAIM + settings.EVENT_TIMEOUT)):
        return False
    row.refresh_from_db()
    return True


def _tell(row: Delivery) -> bool:
    """One try; whether it went."""
    subscription = Subscription.objects.get(pk=row.subscription_id)
    try:
        _send(subscription, row)
    except (webhooks.NotTaken, sealing.InvalidToken, Refusal) as failure:
        _put_back(subscription, row, str(failure) or type(failure).__name__)
        return False
    subscriptions.told(subscription)
    return True


def _send(subscription: Subscription, row: Delivery) -> None:
    if subscription.channel == Subscription.Channel.WEBHOOK:
        secret = subscriptions.secret_of(subscription)
        webhooks.post(subscription.target, message(row), number=row.number, secret=secret)
        _mark_told(row)
        return
    with transaction.atomic():  # the mail's own queue carries it from here
        mail.send("event", to=subscription.target, facts=_mail_facts(row))
        _mark_told(row)


def _mark_told(row: Delivery) -> None:
    Delivery.objects.filter(pk=row.pk).update(state=State.TOLD, told_at=clock.now(), last_error="")


def _mail_facts(row: Delivery) -> dict[str, Any]:
    said = message(row)
    return {
        "title": said["title"],
        "severity": row.get_severity_display(),
        "count": row.count,
        "lines": [f"{event['at'][:19].replace('T', ' ')} UTC  {event['text']}" for event in row.events],
        "more": row.count - len(row.events),
        "kind": row.kind,
        "admin_url": f"{settings.PUBLIC_URL}/{settings.ADMIN_PATH}",
    }


def _put_back(subscription: Subscription, row: Delivery, error: str) -> None:
    """Waits longer after each failure, the message and its target each for itself; after its end it is given up."""
    _log.warning("message %s (%s) was not told at try %d: %s", row.number, row.kind, row.tries, error)
    next_try = clock.after(_wait(row.tries))
    with transaction.atomic():
        subscriptions.failed(subscription, wait=_wait(subscription.failures + 1))
        if next_try < row.expires_at:
            Delivery.objects.filter(pk=row.pk).update(due_at=next_try, last_error=error[:200])
            return
        _give_up(subscription, row, error)


def _expire() -> None:
    """Gives up what is past its end and waits for a target that fails: each of them would only prolong its pause."""
    late = Delivery.objects.filter(state=State.WAITING, expires_at__lte=clock.now(), subscription__failures__gt=0)
    for row in late.select_related("subscription")[:_MOST_EVENTS]:
        with transaction.atomic():
            _give_up(row.subscription, row, row.last_error or "its target fails")


def _give_up(subscription: Subscription, row: Delivery, error: str) -> None:
    given_up = Delivery.objects.filter(pk=row.pk, state=State.WAITING).update(state=State.DEAD, last_error=error[:200])
    if given_up and row.kind != "message-given-up":  # else two dead targets would tell of each other for ever
        facts = {"kind": row.kind, "error": error[:200], "tries": row.tries}
        happenings.tell("message-given-up", subject=subscription.name, facts=facts)


def _wait(failures: int) -> float:
    return min(_FIRST_WAIT * 2.0 ** min(max(failures - 1, 0), 16), _LONGEST_WAIT)
