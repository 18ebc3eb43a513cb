"""Who is told of what happens, and how: by mail, or by a webhook whose signatures have a secret of their own.

The secret is shown once, when it is made, and kept sealed (R7). A change is in the audit log, and is itself an event.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit, clock, event_kinds, outbound, patterns, sealing, webhooks
from accounts.errors import Reason, Refusal
from accounts.models import Severity, Subscription, User

LABEL = "webhook secret"
MOST = 100  # subscriptions: each event asks every one of them
_MAIL, _WEBHOOK = Subscription.Channel.MAIL, Subscription.Channel.WEBHOOK


def save(row: Subscription, *, actor: audit.Actor) -> str:
    """Writes a new or changed subscription; the secret of a webhook when one was made, else "".

    FIELD_INVALID with field target, kinds or name; its detail says in words what is wrong with a webhook's target.
    """
    row.target, row.kinds = checked_target(row.channel, row.target), checked_kinds(row.kinds)
    if not row.name.strip():
        raise Refusal(Reason.FIELD_INVALID, field="name")
    is_new, secret = row.pk is None, ""
    if row.channel == _WEBHOOK and not row.sealed_secret:
        secret = webhooks.new_secret()
        row.sealed_secret = sealing.seal(secret, label=LABEL)
    with transaction.atomic():
        if is_new:
            row.author = actor if isinstance(actor, User) else None
            if Subscription.objects.count() >= MOST:
                raise Refusal(Reason.FIELD_INVALID, field="subscriptions")
        row.failures, row.resumes_at = 0, None  # what kept it from being told may be mended by this
        row.save()
        event = "subscription-added" if is_new else "subscription-changed"
        audit.record_or_fail(event, actor=actor, subject=row.name, facts=_told(row))
    return secret


def remove(rows: QuerySet[Subscription], *, actor: audit.Actor) -> int:
    """Ends subscriptions with all that still waits for them; answers how many there were."""
    with transaction.atomic():
        chosen = list(rows.select_for_update().order_by("pk"))  # before its messages, as `deliveries` takes them
        for row in chosen:
            audit.record_or_fail("subscription-removed", actor=actor, subject=row.name, facts=_told(row))
        Subscription.objects.filter(pk__in=[row.pk for row in chosen]).delete()
    return len(chosen)


def new_secret(row: Subscription, *, actor: audit.Actor) -> str:
    """Gives a webhook another secret, which counts from the next try; the secret. FORBIDDEN for a mail."""
    if row.channel != _WEBHOOK:
        raise Refusal(Reason.FORBIDDEN, field="channel")
    secret = webhooks.new_secret()
    with transaction.atomic():
        sealed = sealing.seal(secret, label=LABEL)
        Subscription.objects.filter(pk=row.pk).update(sealed_secret=sealed)
        audit.record_or_fail("subscription-changed", actor=actor, subject=row.name, facts={"new_secret": True})
    return secret


def secret_of(row: Subscription) -> str:
    """What its messages are signed with; InvalidToken when it was sealed under a key that is gone."""
    return sealing.unseal(row.sealed_secret, label=LABEL)


def wanting(kind: str, severity: str, *, among: Sequence[Subscription]) -> list[Subscription]:
    """Those that are told of such an event."""
    return [
        row
        for row in among
        if event_kinds.matters(severity, row.least_severity) and (not row.kinds or kind in row.kinds)
    ]


def listening() -> QuerySet[Subscription]:
    """All that are switched on."""
    return Subscription.objects.filter(enabled=True).order_by("pk")


def checked_target(channel: str, target: str) -> str:
    """The canonical target: a mail address, or a URL to which we may send. FIELD_INVALID with field target."""
    text = target.strip()
    if channel == _MAIL:
        try:
            return patterns.email_address(text)
        except Refusal:
            raise Refusal(Reason.FIELD_INVALID, field="target", detail="This is no mail address.") from None
    try:
        return outbound.check_url(text, webhooks.allowed()).geturl()
    except outbound.TargetRefused as refused:
        raise Refusal(Reason.FIELD_INVALID, field="target", detail=str(refused)) from None


def checked_kinds(kinds: Sequence[str]) -> list[str]:
    """Known kinds in the order of their list; none stands for all. FIELD_INVALID with field kinds."""
    if not set(kinds) <= set(event_kinds.CHOSEN):
        raise Refusal(Reason.FIELD_INVALID, field="kinds")
    chosen = [name for name in event_kinds.CHOSEN if name in kinds]
    return [] if len(chosen) == len(event_kinds.CHOSEN) else chosen


def told(row: Subscription) -> None:
    """It works: whatever failed before is over."""
    Subscription.objects.filter(pk=row.pk).update(failures=0, resumes_at=None, told_at=clock.now())


def failed(row: Subscription, *, wait: float) -> None:
    """It does not: nothing is tried for `wait` seconds."""
    failures = row.failures + 1
    Subscription.objects.filter(pk=row.pk).update(failures=failures, resumes_at=clock.after(wait))


def _told(row: Subscription) -> dict[str, object]:
    """For the audit log; of a webhook its host alone, because many services take a secret in the path."""
    parts = urlsplit(row.target)
    return {
        "channel": row.channel,
        "target": row.target if row.channel == _MAIL else f"{parts.scheme}://{parts.netloc}/",
        "least_severity": Severity(row.least_severity).value,
        "kinds": row.kinds,
        "enabled": row.enabled,
    }
