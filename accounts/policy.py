"""Whitelists and blacklists: facts of a subject in, a decision out (R48, R49; one-origin.md §4).

A live matching deny refuses; else, in whitelist mode, a live matching allow admits; else the flow's mode decides.
What rules exist is read afresh for each decision; only *which kinds* of rules exist is remembered, for at most
half a second and never past a change made in this process.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection, transaction

from accounts import clock, patterns, recent
from accounts.errors import Reason, Refusal
from accounts.models import AccessMode, AccessRule, Revision

_SHAPES_LIVE = 0.5  # seconds; operations.md §3: a change is in force everywhere within one second
_REVISION = "rules"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is being decided on. Empty means unknown or not used; `emails` are the confirmed ones."""

    username: str = ""
    pubkey: str = ""
    fingerprint: str = ""
    ip: str = ""
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedRule:
    """The rule that decided."""

    id: int
    effect: str
    field: str
    pattern: str
    flow: str

    def __str__(self) -> str:
        return f"{self.effect} {self.field} {self.pattern} ({self.flow})"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a subject is admitted, and why: the rule, or the mode of the flow when no rule spoke."""

    admitted: bool
    rule: MatchedRule | None = None
    whitelist: bool = False

    @property
    def cause(self) -> str:
        """In words for audit, admin and `rules try`."""
        if self.rule:
            return str(self.rule)
        return "not on the whitelist" if self.whitelist else "no rule matches"


@dataclass(slots=True)
class _Shapes:
    """Which kinds of rules exist and which flows are in whitelist mode, with the revision they were read at."""

    revision: int = -1
    checked_at: float = float("-inf")
    shapes: frozenset[str] = frozenset()
    whitelisted: frozenset[str] = frozenset()
    lock: threading.Lock = field(default_factory=threading.Lock)


_known = _Shapes()


def decide(flow: str, subject: Subject) -> Decision:
    """The decision for one flow; two constant queries at the most."""
    shapes, whitelisted = _current_shapes()
    whitelist = flow in whitelisted
    if not shapes:
        return Decision(not whitelist, whitelist=whitelist)
    deciding = _first_matches(flow, subject, shapes)
    if "deny" in deciding:
        return Decision(False, deciding["deny"], whitelist)
    if not whitelist:
        return Decision(True)
    return Decision("allow" in deciding, deciding.get("allow"), whitelist)


def admit(flow: str, subject: Subject) -> None:
    """Refusal NOT_ADMITTED unless the lists admit the subject."""
    decision = decide(flow, subject)
    if not decision.admitted:
        raise Refusal(Reason.NOT_ADMITTED, detail=decision.cause)


def hold() -> None:
    """Holds the lists still until the caller's transaction ends: called before deciding on what it will issue.

    A deny that is being saved waits for the transaction and then ends what it issued; or the transaction waits for
    the deny, and obeys it. So no token outlives a ban that came at the same moment.
    """
    _current_shapes(hold=True)


def asks_for(*kinds: str) -> bool:
    """Whether any rule looks at one of these fields: callers need not gather facts nobody asks for."""
    shapes, _ = _current_shapes()
    prefixes = tuple({"username": "name", "ip": "ip"}.get(kind, kind) for kind in kinds)
    return any(shape.startswith(prefixes) for shape in shapes)


def is_silent(flow: str, revision: int) -> bool:
    """Whether at this revision, if it is the one remembered, no rule exists and the flow is open: all are admitted."""
    return revision == _known.revision and not _known.shapes and flow not in _known.whitelisted


def asks_no_address(revision: int) -> bool:
    """Whether at this revision, if it is the one remembered, no rule looks at client addresses."""
    return revision == _known.revision and not any(shape.startswith("ip") for shape in _known.shapes)


def changed() -> None:
    """Called first by every writer of rules or modes, inside its transaction: all processes take notice.

    It locks the row that `hold` shares, so that a deny sees every token issued before it.
    """
    with connection.cursor() as cursor:
        table = Revision._meta.db_table
        cursor.execute(f"UPDATE {table} SET number = number + 1 WHERE name = %s", [_REVISION])
        if cursor.rowcount == 0:
            Revision.objects.get_or_create(name=_REVISION, defaults={"number": 1})
    forget()
    transaction.on_commit(forget)
    recent.forget_on_commit()


def forget() -> None:
    """Drops what this process remembers of the kinds of rules."""
    with _known.lock:
        _known.revision = -1
        _known.checked_at = float("-inf")


def look_again() -> None:
    """The next decision asks whether rules have changed: called where a change of another process is heard of."""
    with _known.lock:
        _known.checked_at = float("-inf")


def _current_shapes(*, hold: bool = False) -> tuple[frozenset[str], frozenset[str]]:
    moment = time.monotonic()
    if not hold and moment - _known.checked_at < _SHAPES_LIVE:
        return _known.shapes, _known.whitelisted
    if hold and connection.features.has_select_for_update:
        # Before the lock of this process, not inside: this may wait for a deny, which waits for that lock in `forget`.
        _revision(share=True)
    with _known.lock:  # the number is read inside: nobody can put an older state over a newer one
        number = _revision()
        if number != _known.revision:
            _known.shapes = frozenset(AccessRule.objects.values_list("shape", flat=True).distinct())
            _known.whitelisted = frozenset(AccessMode.objects.filter(whitelist=True).values_list("flow", flat=True))
            _known.revision = number
        _known.checked_at = moment
        return _known.shapes, _known.whitelisted


def _revision(*, share: bool = False) -> int:
    """How often rules changed; with `share` the row is shared until the transaction ends."""
    lock = " FOR SHARE" if share else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT number FROM {Revision._meta.db_table} WHERE name = %s{lock}", [_REVISION])
        row = cursor.fetchone()
    return row[0] if row else 0


def _lookups(subject: Subject, shapes: frozenset[str]) -> list[str]:
    found: list[str] = []
    if subject.pubkey and "pubkey" in shapes:
        found.append(f"pubkey={subject.pubkey}")
    if subject.fingerprint and "fingerprint" in shapes:
        found.append(f"fingerprint={subject.fingerprint}")
    if subject.username and any(shape.startswith("name") for shape in shapes):
        found.extend(patterns.name_lookups(subject.username, shapes))
    if subject.ip:
        found.extend(patterns.address_lookups(subject.ip, shapes))
    if not shapes.isdisjoint({"email", "domain"}):
        for email in subject.emails:
            found.extend(patterns.email_lookups(email))
    return found


def _first_matches(flow: str, subject: Subject, shapes: frozenset[str]) -> dict[str, MatchedRule]:
    """The oldest live matching rule of each effect."""
    lookups = _lookups(subject, shapes)
    if not lookups:
        return {}
    matched: dict[str, MatchedRule] = {}
    for rule in _live_rules(flow, lookups):
        if rule.field != "username" or patterns.glob_matches(rule.pattern, subject.username):
            matched.setdefault(rule.effect, rule)
    return matched


def _live_rules(flow: str, lookups: list[str]) -> Iterable[MatchedRule]:
    places = ",".join(["%s"] * len(lookups))
    moment = connection.ops.adapt_datetimefield_value(clock.now())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, effect, field, pattern, flow FROM {AccessRule._meta.db_table} "
            f"WHERE lookup IN ({places}) AND enabled AND flow IN ('all', %s) "
            "AND (expires_at IS NULL OR expires_at > %s) ORDER BY id",
            [*lookups, flow, moment],
        )
        return [MatchedRule(*row) for row in cursor.fetchall()]
