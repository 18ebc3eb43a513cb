"""Whom a deny reaches: the accounts it matches and the live tokens it ends (R48)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from accounts import clock, patterns, tokens
from accounts.models import AccessRule, Device, Flow, Token, User

_ALL = AccessRule.Scope.ALL
_MANY = 500  # accounts named one by one in a query; more are found by the query itself
_GLOBS = ("name^", "name$", "name*")


@dataclass(frozen=True, slots=True)
class Affected:
    """What a deny would end: accounts it matches and their live tokens in the doors it names."""

    accounts: QuerySet[User]
    tokens: QuerySet[Token]


def affected(field: str, pattern: str, *, flow: str = _ALL) -> Affected:
    """Whom a deny with this pattern would end."""
    canonical = patterns.canonical(field, pattern)
    living = tokens.live()
    if flow != _ALL:
        living = living.filter(flow=flow)
    match field:
        case "pubkey":
            accounts = User.objects.filter(x25519_keys__public_key=canonical.text)
            return Affected(accounts, living.filter(credential=canonical.text))
        case "fingerprint":
            accounts = User.objects.filter(openpgp_keys__fingerprint=canonical.text)
            return Affected(accounts, living.filter(credential=canonical.text))
        case "ip":
            return Affected(User.objects.filter(pk__in=_seen_at(canonical)), living.none())
    accounts = _accounts_named(canonical) if field == "username" else _accounts_reached(field, canonical.text)
    return Affected(accounts, living.filter(user__in=accounts))


def reached(denies: Sequence[AccessRule]) -> dict[str, set[int]]:
    """The lookups of those entries that may end a token, with the accounts that a name, address or domain reaches.

    One pass over what exists instead of a query an entry: for a domain such a query reads every address.
    """
    fields = {rule.field for rule in denies}
    lookups = {rule.lookup for rule in denies}
    reached: dict[str, set[int]] = {rule.lookup: set() for rule in denies if rule.shape.startswith(_GLOBS)}
    if fields & {"pubkey", "fingerprint"}:
        for credential in tokens.live().exclude(credential="").values_list("credential", flat=True).iterator():
            reached |= {lookup: set() for lookup in lookups & {f"pubkey={credential}", f"fingerprint={credential}"}}
    if "username" in fields:
        for user_id, name in User.objects.values_list("pk", "folded_username").iterator():
            if (lookup := f"username={name}") in lookups:
                reached[lookup] = {user_id}
    if fields & {"email", "domain"}:
        confirmed = EmailAddress.objects.filter(verified=True)
        for user_id, email in confirmed.values_list("user_id", "email").iterator():
            for lookup in lookups.intersection(patterns.email_lookups(email)):
                reached.setdefault(lookup, set()).add(user_id)
    return reached


def doomed(rule: AccessRule, accounts: set[int]) -> QuerySet[Token]:
    """The tokens a deny ends, by the accounts it is known to reach unless these are none or many."""
    if not 0 < len(accounts) <= _MANY:
        return affected(rule.field, rule.pattern, flow=rule.flow).tokens
    ending = tokens.live().filter(user_id__in=accounts)
    return ending if rule.flow == _ALL else ending.filter(flow=rule.flow)


def is_live(rule: AccessRule) -> bool:
    """Whether the entry counts now."""
    return rule.enabled and (rule.expires_at is None or rule.expires_at > clock.now())


def _accounts_named(pattern: patterns.Pattern) -> QuerySet[User]:
    if pattern.shape == "name=":
        return User.objects.filter(folded_username=pattern.text)
    fixed = pattern.lookup.removeprefix("username")[1:]
    by_index = {"^": Q(folded_username__startswith=fixed), "$": Q(folded_username__endswith=fixed)}
    candidates = User.objects.filter(by_index.get(pattern.lookup.removeprefix("username")[0], Q()))
    names = candidates.values_list("pk", "folded_username").iterator()
    return User.objects.filter(pk__in=[pk for pk, name in names if patterns.glob_matches(pattern.text, name)])


def _accounts_reached(field: str, text: str) -> QuerySet[User]:
    confirmed = EmailAddress.objects.filter(verified=True)
    if field == "email":
        chosen = confirmed.filter(email=text)
    else:
        chosen = confirmed.filter(Q(email__endswith=f"@{text}") | Q(email__endswith=f".{text}"))
    return User.objects.filter(pk__in=chosen.values("user_id"))


def _seen_at(pattern: patterns.Pattern) -> Iterable[int]:
    shapes = frozenset({pattern.shape})
    seen = Device.objects.exclude(last_seen_ip=None).values_list("user_id", "last_seen_ip").distinct()
    return {user for user, ip in seen if ip and pattern.lookup in patterns.address_lookups(ip, shapes)}


def flows(flow: str) -> list[str]:
    """The flows a scope names."""
    return [choice for choice in Flow.values if flow in {_ALL, choice}]
