"""Editing the lists: a change is canonical, audited and in force at once; a deny ends what it matches (R48, R49)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import audit, hub, patterns, policy, rule_reach, tokens
from accounts.errors import Reason, Refusal
from accounts.models import AccessMode, AccessRule, User

ALL = AccessRule.Scope.ALL
SERVER = "latchkey"  # the author of what no person made
_BATCH = 500


def add(
    effect: str,
    field: str,
    pattern: str,
    *,
    flow: str = ALL,
    expires_at: datetime | None = None,
    note: str = "",
    author: audit.Actor = None,
) -> AccessRule:
    """Adds an entry, or gives the existing one this expiry and note and enables it.

    Refusal FIELD_INVALID names what is wrong with the pattern.
    """
    canonical = patterns.canonical(field, pattern)
    values = {
        "lookup": canonical.lookup,
        "shape": canonical.shape,
        "expires_at": expires_at,
        "note": note[:500],
        "enabled": True,
    }
    with transaction.atomic():
        known = find(effect, field, pattern, flow=flow).first()
        rule, is_new = AccessRule.objects.update_or_create(
            effect=effect,
            field=field,
            pattern=canonical.text,
            flow=flow,
            defaults=values,
            create_defaults=values | {"author": _account(author)},
        )
        old = _told(known) if known else None
        _put_in_force([rule], "rule-added" if is_new else "rule-changed", author, old=old)
    return rule


def add_all(
    entries: Iterable[AccessRule],
    *,
    author: audit.Actor = None,
    report: Callable[[int], None] | None = None,
    groups: Iterable[str] = (hub.EVERYONE,),
) -> int:
    """Adds or changes many unsaved entries, each as `add` does but keeping its `enabled`, all or none.

    Of two with one meaning the last counts. Answers how many there were; `report` hears the running count. `groups` are
    the sockets that look again, for who knows which ones the entries can match.
    """
    wanted = {_meaning(entry): entry for entry in map(_made_canonical, entries)}
    with transaction.atomic():
        if wanted:
            policy.changed()
            hub.recheck(groups)
        chosen = list(wanted.values())
        reached = rule_reach.reached([entry for entry in chosen if _ends(entry)])
        for start in range(0, len(chosen), _BATCH):
            batch = chosen[start : start + _BATCH]
            known = _written(batch, author)
            for rule in batch:
                if _ends(rule) and rule.lookup in reached:
                    tokens.revoke(rule_reach.doomed(rule, reached[rule.lookup]), reason=f"rule {rule.pk}")
                old = known.get(_meaning(rule))
                told = _told(rule) | ({"old": old} if old else {})
                event = "rule-changed" if old else "rule-added"
                audit.record_or_fail(event, actor=author, subject=rule.pattern, facts=told)
            if report:
                report(start + len(batch))
    return len(wanted)


def change(rule: AccessRule, *, author: audit.Actor = None) -> None:
    """Saves an edited entry; Refusal FIELD_INVALID for its pattern, or `duplicate` when another one says the same."""
    canonical = patterns.canonical(rule.field, rule.pattern)
    rule.pattern, rule.lookup, rule.shape = canonical.text, canonical.lookup, canonical.shape
    if rule.pk is None:
        rule.author = _account(author)
    old = AccessRule.objects.filter(pk=rule.pk).first()
    try:
        with transaction.atomic():
            rule.save()
            _put_in_force([rule], "rule-changed" if old else "rule-added", author, old=_told(old) if old else None)
    except IntegrityError:
        raise Refusal(Reason.FIELD_INVALID, field="duplicate") from None


def enable(rules: QuerySet[AccessRule], *, enabled: bool, author: audit.Actor = None) -> int:
    """Switches entries on or off; answers how many changed."""
    with transaction.atomic():
        chosen = list(rules.exclude(enabled=enabled))
        for rule in chosen:
            rule.enabled = enabled
        AccessRule.objects.filter(pk__in=[rule.pk for rule in chosen]).update(enabled=enabled)
        _put_in_force(chosen, "rule-enabled" if enabled else "rule-disabled", author)
    return len(chosen)


def remove(rules: QuerySet[AccessRule], *, author: audit.Actor = None) -> int:
    """Deletes entries; tokens that a deny revoked stay revoked. Answers how many there were."""
    with transaction.atomic():
        chosen = list(rules)
        AccessRule.objects.filter(pk__in=[rule.pk for rule in chosen]).delete()
        _put_in_force(chosen, "rule-removed", author, ends=False)
    return len(chosen)


def set_mode(flow: str, *, whitelist: bool, author: audit.Actor = None) -> None:
    """Puts a flow in whitelist mode or opens it. An empty whitelist then admits nobody."""
    with transaction.atomic():
        policy.changed()
        hub.recheck([hub.EVERYONE])
        old = AccessMode.objects.filter(flow=flow, whitelist=True).exists()
        AccessMode.objects.update_or_create(flow=flow, defaults={"whitelist": whitelist})
        facts = {"whitelist": whitelist, "old": {"whitelist": old}}
        audit.record_or_fail("mode-changed", actor=author, subject=flow, facts=facts)


def find(effect: str, field: str, pattern: str, *, flow: str = ALL) -> QuerySet[AccessRule]:
    """The entry with this meaning, whatever its spelling."""
    text = patterns.canonical(field, pattern).text
    return AccessRule.objects.filter(effect=effect, field=field, pattern=text, flow=flow)


def _put_in_force(
    rules: Sequence[AccessRule],
    event: str,
    author: audit.Actor,
    *,
    old: dict[str, object] | None = None,
    ends: bool = True,
) -> None:
    if rules:
        policy.changed()  # first: it holds back logins until this transaction ends
        hub.recheck([hub.EVERYONE])
    for rule in rules:
        if ends and _ends(rule):
            reached = rule_reach.affected(rule.field, rule.pattern, flow=rule.flow)
            tokens.revoke(reached.tokens, reason=f"rule {rule.pk}")
        told = _told(rule) | ({"old": old} if old else {})
        audit.record_or_fail(event, actor=author, subject=rule.pattern, facts=told)


def _meaning(rule: AccessRule) -> tuple[str, str, str, str]:
    return rule.effect, rule.field, rule.pattern, rule.flow


def _made_canonical(rule: AccessRule) -> AccessRule:
    canonical = patterns.canonical(rule.field, rule.pattern)
    rule.pattern, rule.lookup, rule.shape = canonical.text, canonical.lookup, canonical.shape
    rule.note = rule.note[:500]
    return rule


def _written(batch: Sequence[AccessRule], author: audit.Actor) -> dict[tuple[str, str, str, str], dict[str, object]]:
    """Saves the entries at once; answers, by meaning, what the lists said of them before."""
    lookups = [rule.lookup for rule in batch]
    known = {_meaning(rule): _told(rule) for rule in AccessRule.objects.filter(lookup__in=lookups)}
    for rule in batch:
        rule.author = _account(author)
        rule.author_name = SERVER if author == SERVER else ""
    AccessRule.objects.bulk_create(
        batch,
        update_conflicts=True,
        unique_fields=["effect", "field", "pattern", "flow"],
        update_fields=["lookup", "shape", "expires_at", "note", "enabled"],
    )
    return known


def _told(rule: AccessRule) -> dict[str, object]:
    return {
        "effect": rule.effect,
        "field": rule.field,
        "pattern": rule.pattern,
        "flow": rule.flow,
        "enabled": rule.enabled,
        "expires_at": rule.expires_at.isoformat() if rule.expires_at else None,
        "note": rule.note,
    }


def _ends(rule: AccessRule) -> bool:
    """Whether saving the entry ends tokens: a live deny does, but an address refuses and ends nothing."""
    return rule.effect == AccessRule.Effect.DENY and rule.field != AccessRule.Field.IP and rule_reach.is_live(rule)


def _account(author: audit.Actor) -> User | None:
    """The account to name as an entry's author; a moderator's key is told by the audit log alone."""
    return author if isinstance(author, User) else None
