"""What whitelist mode would do to a door, asked before it is switched on (R48)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from accounts import clock, names, patterns, tokens
from accounts.models import AccessRule, Token
from accounts.policy import Subject

_BATCH = 200


def allows(flow: str) -> QuerySet[AccessRule]:
    """The whitelist of a door: its live allow rules, and those of all doors."""
    live = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    scopes = [AccessRule.Scope.ALL, flow]
    return AccessRule.objects.filter(live, effect=AccessRule.Effect.ALLOW, enabled=True, flow__in=scopes)


def refused(flow: str) -> int:
    """How many live tokens of the door no allow rule names. A device counts at the address it was last seen at."""
    living = tokens.live().filter(flow=flow)
    shapes = frozenset(allows(flow).order_by().values_list("shape", flat=True).distinct())
    if not shapes:
        return living.count()
    return sum(_unnamed(flow, batch, shapes) for batch in _batches(living))


def _batches(living: QuerySet[Token]) -> Iterator[list[Subject]]:
    columns = ("user_id", "user__folded_username", "credential", "device__last_seen_ip")
    rows = living.order_by("pk").values_list(*columns).iterator(2000)
    while batch := list(islice(rows, _BATCH)):
        emails = _emails({user_id for user_id, *_ in batch})
        yield [_subject(username, credential, ip, emails[user_id]) for user_id, username, credential, ip in batch]


def _emails(user_ids: Iterable[int]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    confirmed = EmailAddress.objects.filter(user_id__in=list(user_ids), verified=True)
    for user_id, email in confirmed.values_list("user_id", "email"):
        found[user_id].append(email)
    return found


def _subject(username: str, credential: str, ip: str | None, emails: list[str]) -> Subject:
    is_key = names.is_key_name(credential)
    return Subject(
        username=username,
        pubkey=credential if is_key else "",
        fingerprint="" if is_key else credential,
        ip=ip or "",
        emails=tuple(emails),
    )


def _unnamed(flow: str, subjects: list[Subject], shapes: frozenset[str]) -> int:
    lookups = [frozenset(_lookups(subject, shapes)) for subject in subjects]
    wanted = frozenset().union(*lookups)
    rules: defaultdict[str, list[AccessRule]] = defaultdict(list)
    for rule in allows(flow).filter(lookup__in=wanted):
        rules[rule.lookup].append(rule)
    return sum(
        not any(_names(rule, subject) for lookup in own for rule in rules.get(lookup, ()))
        for subject, own in zip(subjects, lookups, strict=True)
    )


def _lookups(subject: Subject, shapes: frozenset[str]) -> Iterator[str]:
    if subject.pubkey:
        yield f"pubkey={subject.pubkey}"
    if subject.fingerprint:
        yield f"fingerprint={subject.fingerprint}"
    yield from patterns.name_lookups(subject.username, shapes)
    yield from patterns.address_lookups(subject.ip, shapes)
    for email in subject.emails:
        yield from patterns.email_lookups(email)


def _names(rule: AccessRule, subject: Subject) -> bool:
    return rule.field != AccessRule.Field.USERNAME or patterns.glob_matches(rule.pattern, subject.username)
