"""Who keeps giving wrong secrets is put on the blacklist for a while, by a deny like any other (R37, R48).

Each process counts for itself (`failures`) and adds to the rows of all every second, outside any request. Under the
rows' locks one of them sees that a threshold is passed: so there is one block, however many processes count. Many
addresses against one account raise an alert instead: locking it would do the attacker's work (R38).
"""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from accounts import audit, clock, emails, exemptions, failures, guesser_rows, hub, rule_reach, rules, users
from accounts.mail_content import in_words
from accounts.models import AccessRule, AttackedAccount, Guesser, User

_ALERT_AGAIN = 86_400.0  # seconds
_RULE_KEPT = 86_400.0  # seconds a rule of ours is listed after its end
_DENY, _IP = AccessRule.Effect.DENY, AccessRule.Field.IP


def take_up() -> int:
    """Writes down the failures of this process, and blocks who has too many; answers how many there were.

    What a database that is away does not take is kept and written later.
    """
    taken = failures.take()
    if not taken:
        return 0
    try:
        with transaction.atomic():
            counted = guesser_rows.count(taken)
            _block(counted.guessers)
            _alert(counted.accounts)
            counted.save()
    except (OperationalError, InterfaceError):
        failures.put_back(taken)
        raise
    return sum(tally.count for _, tally in taken)


def is_blocked(row: Guesser) -> bool:
    """Whether a deny keeps it out now."""
    return row.rule is not None and rule_reach.is_live(row.rule)


def lift(rows: QuerySet[Guesser], *, author: audit.Actor = None) -> int:
    """Ends blocks that the server made and forgets what led to them; answers how many ended."""
    with transaction.atomic():
        held = list(rows.select_for_update(of=("self",)).select_related("rule").order_by("network"))
        blocking = [row.rule for row in held if row.rule is not None and is_blocked(row)]
        ending = [rule.pk for rule in blocking if rule.author_name == rules.SERVER]
        count = rules.remove(AccessRule.objects.filter(pk__in=ending), author=author)
        for row in held:
            row.spent, row.blocks = guesser_rows.weight(row), 0
        Guesser.objects.bulk_update(held, ["spent", "blocks"])
    return count


def exempt(rows: QuerySet[Guesser], *, author: audit.Actor = None) -> int:
    """Never blocks these again, and ends their blocks; answers how many they are."""
    with transaction.atomic():
        chosen = list(rows)
        for row in chosen:
            exemptions.add(row.network, note="was a guesser", author=author)
        lift(Guesser.objects.filter(pk__in=[row.pk for row in chosen]), author=author)
    return len(chosen)


def account_named(name: str) -> User | None:
    """Whose the claimed name, address or Session key is."""
    return users.find(name) or users.of_x25519_key(name) or (emails.owner(name) if "@" in name else None)


def purge(*, batch: int = 1000) -> int:
    """Deletes one batch of what is forgotten: guessers, attacked accounts, rules of ours that have ended."""
    quiet, kept = clock.after(-guesser_rows.window()), clock.after(-settings.GUESSER_RETENTION)
    never = Q(blocks=0, blocked_at=None, last_at__lt=quiet)
    count = _delete(Guesser.objects.filter(never | Q(last_at__lt=kept)), batch)
    unnoticed = Q(alerted_at=None, last_at__lt=quiet)
    count += _delete(AttackedAccount.objects.filter(unnoticed | Q(last_at__lt=kept)), batch)
    ended = AccessRule.objects.filter(author_name=rules.SERVER, expires_at__lt=clock.after(-_RULE_KEPT))
    return count + _delete(ended, batch)


def _delete(rows: QuerySet[AccessRule] | QuerySet[Guesser] | QuerySet[AttackedAccount], batch: int) -> int:
    ids = list(rows.values_list("pk", flat=True)[:batch])
    rows.model.objects.filter(pk__in=ids).delete()
    return len(ids)


def _block(rows: Sequence[Guesser]) -> None:
    """Denies for those over their threshold. A rule that an administrator made or switched off is left alone."""
    due = [row for row in rows if settings.GUESSER_BLOCKING and _is_over(row) and not is_blocked(row)]
    if not due:
        return
    exempt_ones = exemptions.networks()
    due = [row for row in due if not exemptions.covers(exempt_ones, row.network)]
    known = _rules_of(row.network for row in due)
    made: list[tuple[Guesser, AccessRule]] = []
    for row in due:
        rule = known.get(row.network)
        if rule is not None and (rule_reach.is_live(rule) or not rule.enabled):
            row.rule = rule
        else:
            made.append((row, _rule_for(row)))
    _put_in_force(made)


def _put_in_force(made: Sequence[tuple[Guesser, AccessRule]]) -> None:
    if not made:
        return
    entries = [rule for _, rule in made]
    expired = AccessRule.objects.filter(
        effect=_DENY, field=_IP, flow=rules.ALL, pattern__in=[e.pattern for e in entries]
    )
    expired.update(author=None, author_name=rules.SERVER)
    rules.add_all(entries, author=rules.SERVER, groups=[hub.network_group(row.network) for row, _ in made])
    known = _rules_of(row.network for row, _ in made)
    for row, rule in made:
        row.rule = known[row.network]
        row.blocked_at, row.spent, row.blocks = clock.now(), guesser_rows.weight(row), row.blocks + 1
        audit.record_or_fail("guesser-blocked", actor=rules.SERVER, subject=row.network, facts=_facts(row, rule))


def _is_over(row: Guesser) -> bool:
    fresh = guesser_rows.weight(row) - row.spent
    if row.kind == Guesser.Kind.ADDRESS:
        return fresh >= _allowed(settings.GUESSER_RATE.count)
    enough = len(guesser_rows.named(row.addresses)) >= settings.GUESSER_NETWORK_ADDRESSES
    return enough and fresh >= _allowed(settings.GUESSER_NETWORK_RATE.count)


def _allowed(number: int) -> float:
    return max(1.0, number * float(settings.RATE_LIMIT_SCALE))


def _rule_for(row: Guesser) -> AccessRule:
    seconds = min(settings.GUESSER_BLOCK * 2.0 ** min(row.blocks, 40), settings.GUESSER_LONGEST_BLOCK)
    lasted = in_words(max(1.0, (row.last_at - row.window_at).total_seconds()))
    note = f"{row.count} wrong secrets within {lasted}; block {row.blocks + 1}"
    end = clock.after(max(seconds, settings.GUESSER_BLOCK))
    return AccessRule(effect=_DENY, field=_IP, pattern=row.network, flow=rules.ALL, note=note, expires_at=end)


def _rules_of(networks: Iterable[str]) -> dict[str, AccessRule]:
    found = AccessRule.objects.filter(effect=_DENY, field=_IP, flow=rules.ALL, pattern__in=list(networks))
    return {rule.pattern: rule for rule in found}


def _facts(row: Guesser, rule: AccessRule) -> dict[str, object]:
    assert rule.expires_at is not None
    return {
        "kind": row.kind,
        "failures": row.count,
        "since": row.window_at.isoformat(),
        "until": rule.expires_at.isoformat(),
        "block": row.blocks,
        "doors": row.doors,
        "accounts": list(guesser_rows.named(row.accounts))[:10],
        "addresses": len(guesser_rows.named(row.addresses)),
    }


def _alert(rows: Sequence[AttackedAccount]) -> None:
    """Tells of accounts that many addresses fail with; once a day each, and only if there is such an account."""
    for row in rows:
        is_known = row.alerted_at is not None and row.alerted_at > clock.after(-_ALERT_AGAIN)
        if row.address_count < settings.ATTACKED_ACCOUNT_ADDRESSES or is_known:
            continue
        account = account_named(row.name)
        if account is None:
            continue
        row.alerted_at = clock.now()
        facts = {
            "addresses": row.address_count,
            "failures": row.count,
            "since": row.window_at.isoformat(),
            "as": row.name,
        }
        audit.record_or_fail("account-attacked", actor=rules.SERVER, subject=account.username, facts=facts)
