"""What was refused and why, and who guesses, on the first page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import clock, counting, figures, guessers, names, throttle
from accounts.admin import charts, shown
from accounts.admin.sign_ins import DOORS
from accounts.errors import Reason
from accounts.models import AuditEvent, Guesser

_DAY, _MONTH = 86_400.0, 30 * 86_400.0  # seconds
_MOST_ROWS, _MOST_NAMED = 12, 8
_MOST_READ = 10_000  # refusals that are looked through for who guesses; the latest
_WHY: Mapping[str, str] = {
    Reason.CREDENTIAL_WRONG: "wrong password, code, key or name",
    Reason.CHALLENGE_INVALID: "proof unknown, over or used",
    Reason.NOT_ADMITTED: "refused by the lists",
    Reason.ACCOUNT_LOCKED: "account locked",
    Reason.ACCOUNT_DEACTIVATED: "account deactivated",
    Reason.RATE_LIMITED: "too many tries",
    Reason.TOKEN_UNKNOWN: "token unknown or ended",
    Reason.REGISTRATION_CLOSED: "registration closed",
    Reason.NAME_TAKEN: "name taken",
}
_GUESSES = (Reason.CREDENTIAL_WRONG, Reason.CHALLENGE_INVALID)


def why() -> dict[str, Any]:
    """A table: what was refused, why, at which door, in a day and in a month; the most of the month first."""
    month, day = counting.refused(clock.after(-_MONTH)), counting.refused(clock.after(-_DAY))
    rows = month.most_common(_MOST_ROWS)
    most = max((number for _, number in rows), default=0)
    cells: list[Sequence[Any]] = [(*_words(key), f"{day[key]:,}", charts.share(number, most)) for key, number in rows]
    if rest := [number for key, number in month.items() if key not in dict(rows)]:
        rest_day = sum(number for key, number in day.items() if key not in dict(rows))
        cells.append((f"{len(rest)} others", "", "", f"{rest_day:,}", charts.share(sum(rest), most)))
    return shown.table(("What", "Why", "Door", "24 hours", "30 days"), cells)


def _words(key: counting.Key) -> tuple[Any, str, str]:
    """What, why, and at which door."""
    why = _WHY.get(key.reason) or key.reason.replace("-", " ")
    door = figures.ADMIN if key.event.startswith(f"{figures.ADMIN}-") else key.flow
    return shown.anchor(_log(event__exact=key.event), key.event), why, DOORS.get(door, door)


def guesses() -> dict[str, Any]:
    """Who gave wrong secrets within a day: addresses, networks, and the names they tried."""
    # Only what the index of refusals knows is asked of the database: with more it would look elsewhere, for seconds.
    rows = AuditEvent.objects.filter(outcome=figures.REFUSED, at__gt=clock.after(-_DAY)).order_by("-at")
    latest = list(rows.values_list("ip", "subject", "event", "reason")[:_MOST_READ])
    found = [(ip, name) for ip, name, event, reason in latest if event in figures.SIGN_INS and reason in _GUESSES]
    by_ip, by_name = Counter(ip for ip, _ in found if ip), Counter(subject for _, subject in found if subject)
    by_network: Counter[str] = Counter()
    for ip, number in by_ip.items():
        by_network[throttle.network_key(ip)] += number
    return {
        "tables": [
            _table("Address", "ip", by_ip, _blocked(by_ip)),
            _table("Network", "", by_network, _blocked(by_network)),
            _table("Name that was tried", "subject", by_name),
        ],
        "is_cut": len(latest) == _MOST_READ,
        "most_read": _MOST_READ,
        "links": [
            link for link in (_page("guesser", "Guessers"), _page("attackedaccount", "Attacked accounts")) if link
        ],
    }


def _table(title: str, field: str, counts: Counter[str], blocked: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The most of them; `field` of the audit log is what their links ask for, "" for none."""
    rows = counts.most_common(_MOST_NAMED)
    most = rows[0][1] if rows else 0
    cells = [(_named(name, field, is_blocked=name in blocked), charts.share(number, most)) for name, number in rows]
    return shown.table((title, "24 hours"), cells)


def _named(value: str, field: str, *, is_blocked: bool) -> SafeString | str:
    label = shown.name(value) if names.is_key_name(value) else shown.text(value, 40)
    shown_value = shown.anchor(_log(**{f"{field}__exact": value}), label) if field else label
    return format_html("{} <strong>blocked</strong>", shown_value) if is_blocked else shown_value


def _blocked(counts: Iterable[str]) -> frozenset[str]:
    """Which of these addresses or networks are blocked now."""
    keys = {throttle.address_key(text) if "/" not in text else text: text for text in counts}
    rows = Guesser.objects.filter(network__in=list(keys)[:1000], rule__isnull=False).select_related("rule")
    return frozenset(keys[row.network] for row in rows if guessers.is_blocked(row))


def _log(**asked: str) -> str:
    """The refusals of the audit log that have these values."""
    query = urlencode({**asked, "outcome__exact": figures.REFUSED})
    return f"{reverse('admin:accounts_auditevent_changelist')}?{query}"


def _page(model: str, label: str) -> tuple[str, str] | None:
    try:
        return reverse(f"admin:accounts_{model}_changelist"), label
    except NoReverseMatch:
        return None
