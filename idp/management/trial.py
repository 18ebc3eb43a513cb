"""Who is tried by `rules try`: what the operator said of a subject, and what its account adds to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.core.management.base import CommandError

from accounts import names, patterns, policy, subjects, users
from accounts.keys import canonical_fingerprint, canonical_x25519
from accounts.models import AccessRule, Flow, User

Facts = Mapping[str, Sequence[str]]


def facts_of(arguments: Sequence[str]) -> Facts:
    """FIELD=VALUE arguments, canonical; addresses and domains may be several."""
    facts: dict[str, list[str]] = {}
    for argument in arguments:
        field, equals, value = argument.partition("=")
        if not equals or not value.strip() or field not in AccessRule.Field.values:
            raise CommandError(f"{argument!r} is not FIELD=VALUE with a field of {', '.join(AccessRule.Field.values)}")
        if field in facts and field not in {"email", "domain"}:
            raise CommandError(f"{field} is given twice")
        facts.setdefault(field, []).append(_canonical(field, value.strip()))
    return facts


@dataclass(frozen=True, slots=True)
class Trial:
    """The subject as given, the account it names, if there is one, and what to tell the operator about that."""

    given: policy.Subject
    account: User | None
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, facts: Facts) -> "Trial":
        """Looks the account up by its name or else by its Session key."""
        name, key = _only(facts, "username"), _only(facts, "pubkey")
        account = users.find(name) if name else users.of_x25519_key(key) if key else None
        # A domain is an address without a local part: no rule for an address can be spelled like that.
        emails = (*facts.get("email", ()), *(f"@{domain}" for domain in facts.get("domain", ())))
        # A key without an account would make one of its own name.
        given = policy.Subject(name or key, key, _only(facts, "fingerprint"), _only(facts, "ip"), emails)
        return cls(given, account, _remarks(account))

    def subject(self, flow: str) -> policy.Subject:
        """The subject at this door: with the account's name and confirmed addresses, and its key if it has just one."""
        if self.account is None:
            return self.given
        pubkey, fingerprint = self.given.pubkey, self.given.fingerprint
        keys = list(self.account.x25519_keys.values_list("public_key", flat=True)[:2])
        prints = list(self.account.openpgp_keys.values_list("fingerprint", flat=True)[:2])
        if flow == Flow.SESSION and not pubkey and len(keys) == 1:
            pubkey = keys[0]
        if flow == Flow.OPENPGP and not fingerprint and len(prints) == 1:
            fingerprint = prints[0]
        known = subjects.of_account(self.account, ip=self.given.ip, pubkey=pubkey, fingerprint=fingerprint)
        return replace(known, emails=(*self.given.emails, *known.emails))


def _remarks(account: User | None) -> tuple[str, ...]:
    if account is None:
        return ()
    remark = f"the facts of account {account.username} are added: its name, confirmed addresses, and its only key"
    return (remark, *([f"the account is {account.state}"] if account.state is not User.State.ACTIVE else []))


def _only(facts: Facts, field: str) -> str:
    return next(iter(facts.get(field, ())), "")


def _canonical(field: str, value: str) -> str:
    match field:
        case "pubkey":
            return canonical_x25519(value)
        case "fingerprint":
            return canonical_fingerprint(value)
        case "email":
            return patterns.email_address(value)
        case "domain":
            return patterns.domain_name(value)
        case "ip":
            address = patterns.address(value)
            if address is None:
                raise CommandError(f"{value!r} is no address; a subject has one address, not a network")
            return str(address)
    return names.fold(value)
